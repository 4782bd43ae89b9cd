//! What a configuration may say, and what a person is told when it is wrong.

use super::*;

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("temporary folder");
        for name in ["edge.pem", "edge.key", "ca.pem", "city.mmdb"] {
            std::fs::write(dir.path().join(name), b"x").expect("written");
        }
        Self(dir)
    }

    fn toml(&self, more: &str) -> String {
        let dir = self.0.path().display();
        format!(
            "data = \"{dir}\"\n[central]\naddress = \"127.0.0.1:4433\"\nserver_name = \"central.footfall.internal\"\n\
             certificate = \"{dir}/edge.pem\"\nkey = \"{dir}/edge.key\"\nca = \"{dir}/ca.pem\"\n{more}"
        )
    }
}

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, [])
}

#[test]
fn a_short_file_gets_the_defaults() {
    let files = Files::new();
    let config = parse(&files.toml("")).expect("enough");
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.http.workers, 1);
    assert_eq!(config.health.expect("on").listen.to_string(), "127.0.0.1:8083");
    assert_eq!(config.journal.max_bytes, 4 << 30);
    assert!(config.geo.databases.is_empty());
}

#[test]
fn variables_win_over_the_file() {
    let files = Files::new();
    let geo = files.0.path().join("city.mmdb").display().to_string();
    let variables = [
        ("FOOTFALL_HTTP_LISTEN", "127.0.0.1:9"),
        ("FOOTFALL_DATA", "/elsewhere"),
        ("FOOTFALL_JOURNAL_MAX_BYTES", "1073741824"),
        ("FOOTFALL_HTTP_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1"),
        ("FOOTFALL_GEO_DATABASES", &geo),
        ("FOOTFALL_HEALTH_LISTEN", "off"),
        ("FOOTFALL_LOG", "debug"),
        ("PATH", "/bin"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::parse(&files.toml("[http]\nlisten = \"127.0.0.1:8\"\n"), variables).expect("good");
    assert_eq!(config.http.listen.port(), 9);
    assert_eq!(config.data, Path::new("/elsewhere"));
    assert_eq!(config.journal.max_bytes, 1 << 30);
    assert_eq!(config.http.trusted_proxies.len(), 2);
    assert!(config.health.is_none());
    assert_eq!(config.geo.databases.len(), 1);
}

#[test]
fn what_is_wrong_is_said_in_one_sentence() {
    let files = Files::new();
    for (more, says) in [
        ("[http]\nlisten = \"nowhere\"", "`http.listen` is \"nowhere\""),
        ("[http]\nworkers = 0", "`http.workers` is 0"),
        ("[http]\nlistem = \"127.0.0.1:1\"", "unknown field `listem`"),
        ("[html]\n", "unknown field `html`"),
        ("[http]\ntrusted_proxies = [\"10/8\"]", "`http.trusted_proxies` is \"10/8\""),
        ("[http]\nadmin_networks = []", "unknown field `admin_networks`"),
        ("[health]\nlisten = \"nowhere\"", "`health.listen` is \"nowhere\""),
        ("[health]\nlisten = \"127.0.0.1:8080\"", "another address than `http.listen`"),
        ("[journal]\nmax_bytes = 10", "`journal.max_bytes` is 10"),
        ("[journal]\nmax_bytes = \"much\"", "invalid type"),
        ("[beacon]\nassets = \"/nonexistent\"", "`beacon.assets` needs the file"),
        ("[geo]\ndatabases = [\"/nonexistent.mmdb\"]", "`geo.databases` needs the file"),
        ("[geo]\nprivate_as = \"home\"", "`geo.private_as` is \"home\""),
    ] {
        let error = parse(&files.toml(more)).expect_err(more).to_string();
        assert!(error.contains(says), "{more}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
    assert_eq!(parse("").expect_err("empty").to_string(), "the configuration lacks `data`");
    for misspelt in ["FOOTFALL_GEO_DATABASE", "FOOTFALL_HTTP_LISTEM", "FOOTFALL_DATTA"] {
        let variable = (misspelt.to_owned(), "x".to_owned());
        let error = Config::parse(&files.toml(""), [variable]).expect_err("misspelt").to_string();
        assert!(error.contains(misspelt), "{error}");
    }
}

#[test]
fn the_template_is_a_configuration_once_what_is_required_is_given() {
    let files = Files::new();
    let (mut required, rest) = (String::new(), Config::template());
    for line in files.toml("").lines().filter_map(|line| line.split_once(" = ")) {
        let (key, value) = line;
        assert!(rest.contains(&format!("#{key} = # required\n")), "{key} in {rest}");
        required = if required.is_empty() { rest.clone() } else { required }
            .replace(&format!("#{key} = # required"), &format!("{key} = {value}"));
    }
    let config = parse(&required).expect("valid");
    assert_eq!(config.journal.max_bytes, 4 << 30);
}

#[test]
fn the_examples_that_are_given_out_are_valid() {
    let files = Files::new();
    std::fs::write(files.0.path().join("footfall.js"), "x").expect("written");
    let own = files.0.path().display().to_string();
    for example in ["config/edge.toml", "compose/edge.toml"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(example);
        let text = std::fs::read_to_string(path).expect("an example");
        let places = ["/etc/footfall", "/secrets", "/usr/share/footfall/beacon", "/var/lib/footfall-geo"];
        let text = places.into_iter().fold(text, |text, place| text.replace(place, &own));
        for file in text.split('"').filter_map(|path| path.strip_prefix(&format!("{own}/"))) {
            std::fs::write(files.0.path().join(file), "x").expect("written");
        }
        parse(&text).unwrap_or_else(|error| panic!("{example}: {error}"));
    }
}

#[test]
fn the_documentation_names_every_key_as_it_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let text = std::fs::read_to_string(path).expect("a document");
    let block =
        format!("<!-- printed by: edge-collector --print-template -->\n```toml\n{}```\n", Config::template());
    assert!(text.contains(&block), "docs/configuration.md is out of date: run `cargo xtask docs`");
}
