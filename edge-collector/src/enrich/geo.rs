//! Where an address is, from MaxMind files: the nested schema of MaxMind and the flat one of `ip-location-db`.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use maxminddb::{MaxMindDbError, Reader};
use serde::Deserialize;
use serde::de::{self, MapAccess, Visitor};

/// Where an address is, as far as it is known; empty texts and zeros where it is not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Location {
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Name of the first subdivision.
    pub region: String,
    /// English name.
    pub city: String,
    /// Degrees north.
    pub latitude: f32,
    /// Degrees east.
    pub longitude: f32,
}

/// The open databases. Whole files in memory and never mapped: a file cut short must not end the process.
pub struct Geo {
    databases: Vec<Reader<Vec<u8>>>,
    private_as: Option<IpAddr>,
}

impl fmt::Debug for Geo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Geo").field("databases", &self.databases.len()).finish_non_exhaustive()
    }
}

impl Geo {
    /// Reads the databases; they are asked in this order. Private and loopback addresses are looked up as
    /// `private_as`.
    ///
    /// # Errors
    /// [`GeoError`], naming the file.
    pub fn open(paths: &[PathBuf], private_as: Option<IpAddr>) -> Result<Self, GeoError> {
        let open = |path: &PathBuf| {
            Reader::open_readfile(path).map_err(|source| GeoError { path: path.clone(), source })
        };
        Ok(Self { databases: paths.iter().map(open).collect::<Result<_, _>>()?, private_as })
    }

    /// Where `address` is, by the first database that knows it. An address that none knows, or that a damaged
    /// database cannot tell, is nowhere.
    #[must_use]
    pub fn locate(&self, address: IpAddr) -> Location {
        let address = match self.private_as {
            Some(stand_in) if is_private(address) => stand_in,
            _ => address,
        };
        let able = |reader: &&Reader<Vec<u8>>| address.is_ipv4() || reader.metadata().ip_version == 6;
        self.databases.iter().filter(able).find_map(|reader| look_up(reader, address)).unwrap_or_default()
    }
}

fn look_up(reader: &Reader<Vec<u8>>, address: IpAddr) -> Option<Location> {
    let entry: Entry<'_> = reader.lookup(address).ok()?.decode().ok()??;
    let location = entry.location();
    (!location.country.is_empty() || !location.city.is_empty()).then_some(location)
}

fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// One entry of either schema; what neither has is skipped.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry<'a> {
    #[serde(borrow)]
    country: Option<Country<'a>>,
    #[serde(borrow)]
    city: Option<Name<'a>>,
    #[serde(borrow)]
    subdivisions: Vec<Division<'a>>,
    location: Option<Coordinates>,
    country_code: Option<Cow<'a, str>>,
    state1: Option<Cow<'a, str>>,
    latitude: Option<Degrees>,
    longitude: Option<Degrees>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Country<'a> {
    iso_code: Option<&'a str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Division<'a> {
    #[serde(borrow)]
    names: Names<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Names<'a> {
    en: Option<&'a str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Coordinates {
    latitude: Option<f64>,
    longitude: Option<f64>,
}

/// A plain text (flat) or a map with names by language (nested).
struct Name<'a>(Option<&'a str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name or a map of names")
            }

            fn visit_borrowed_str<E: de::Error>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Some(name)))
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
                let nested = Division::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(Name(nested.names.en))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// A number, or a text that holds one.
#[derive(Clone, Copy)]
struct Degrees(f64);

impl<'de> Deserialize<'de> for Degrees {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Degrees;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("degrees")
            }

            fn visit_f64<E: de::Error>(self, degrees: f64) -> Result<Self::Value, E> {
                Ok(Degrees(degrees))
            }

            fn visit_f32<E: de::Error>(self, degrees: f32) -> Result<Self::Value, E> {
                Ok(Degrees(f64::from(degrees)))
            }

            fn visit_str<E: de::Error>(self, degrees: &str) -> Result<Self::Value, E> {
                degrees.parse().map(Degrees).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl Entry<'_> {
    fn location(&self) -> Location {
        let nested_country = self.country.as_ref().and_then(|country| country.iso_code);
        let nested_region = self.subdivisions.first().and_then(|division| division.names.en);
        let location = self.location.as_ref();
        let degrees = |nested: Option<f64>, flat: Option<Degrees>| {
            nested.or(flat.map(|degrees| degrees.0)).unwrap_or_default() as f32
        };
        Location {
            country: nested_country.or(self.country_code.as_deref()).unwrap_or_default().to_owned(),
            region: nested_region.or(self.state1.as_deref()).unwrap_or_default().to_owned(),
            city: self.city.as_ref().and_then(|city| city.0).unwrap_or_default().to_owned(),
            latitude: degrees(location.and_then(|l| l.latitude), self.latitude),
            longitude: degrees(location.and_then(|l| l.longitude), self.longitude),
        }
    }
}

/// A database that cannot be used. Permanent until the file is replaced.
#[derive(Debug, thiserror::Error)]
#[error("`geo.databases` needs {}, which cannot be used ({source}): fetch it anew, or take it off the list", path.display())]
pub struct GeoError {
    path: PathBuf,
    source: MaxMindDbError,
}

impl GeoError {
    /// Which file it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests;
