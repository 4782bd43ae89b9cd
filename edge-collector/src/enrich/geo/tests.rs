//! Lookups in both schemas, and hostile databases.

use super::*;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/geo").join(name)
}

fn locate(databases: &[&str], private_as: Option<&str>, address: &str) -> Location {
    let paths: Vec<_> = databases.iter().map(|name| data(name)).collect();
    let geo =
        Geo::open(&paths, private_as.map(|text| text.parse().expect("address"))).expect("good databases");
    geo.locate(address.parse().expect("address"))
}

#[test]
fn both_schemas_say_where_an_address_is() {
    for database in ["GeoIP2-City-Test.mmdb", "flat-city-test.mmdb"] {
        let location = locate(&[database], None, "81.2.69.160");
        assert_eq!(
            (location.country.as_str(), location.region.as_str(), location.city.as_str()),
            ("GB", "England", "London")
        );
        assert!(
            (location.latitude - 51.5142).abs() < 1e-3 && (location.longitude + 0.0931).abs() < 1e-3,
            "{location:?}"
        );
    }
}

#[test]
fn the_first_database_that_knows_answers() {
    let both = ["flat-city-test.mmdb", "GeoIP2-City-Test.mmdb"];
    assert_eq!(locate(&both, None, "203.0.113.9").country, "AU");
    assert_eq!(locate(&both, None, "2.125.160.216").city, "Boxford");
    assert_eq!(locate(&both, None, "2001:218::1").country, "JP");
    assert_eq!(locate(&both, None, "192.0.2.1"), Location::default());
}

#[test]
fn private_addresses_are_nowhere_unless_a_stand_in_is_named() {
    let database = ["GeoIP2-City-Test.mmdb"];
    for private in ["127.0.0.1", "10.1.2.3", "::1", "::ffff:192.168.0.1", "fd00::1"] {
        assert_eq!(locate(&database, None, private), Location::default());
        assert_eq!(locate(&database, Some("2.125.160.216"), private).country, "GB");
    }
    assert_eq!(locate(&database, Some("2.125.160.216"), "81.2.69.160").city, "London");
}

#[test]
fn an_address_of_the_other_family_is_nowhere() {
    assert_eq!(locate(&["flat-city-test.mmdb"], None, "2001:218::1"), Location::default());
}

#[test]
fn hostile_databases_are_refused_or_know_nothing_and_never_panic() {
    for file in std::fs::read_dir(data("bad")).expect("folder") {
        let path = file.expect("entry").path();
        if let Ok(geo) = Geo::open(std::slice::from_ref(&path), None) {
            for address in ["1.1.1.1", "81.2.69.160", "255.255.255.255", "::", "2001:218::1"] {
                let _ = geo.locate(address.parse().expect("address"));
            }
        }
    }
}

#[test]
fn a_database_cut_short_anywhere_never_panics() {
    let whole = std::fs::read(data("flat-city-test.mmdb")).expect("readable");
    for length in 0..whole.len() {
        let Ok(reader) = Reader::from_source(whole[..length].to_vec()) else { continue };
        let geo = Geo { databases: vec![reader], private_as: None };
        let _ = geo.locate("81.2.69.160".parse().expect("address"));
    }
}
