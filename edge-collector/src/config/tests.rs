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
    assert_eq!(config.http.admin_networks.len(), 2);
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
        ("FOOTFALL_LOG", "debug"),
        ("PATH", "/bin"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::parse(&files.toml("[http]\nlisten = \"127.0.0.1:8\"\n"), variables).expect("good");
    assert_eq!(config.http.listen.port(), 9);
    assert_eq!(config.data, Path::new("/elsewhere"));
    assert_eq!(config.journal.max_bytes, 1 << 30);
    assert_eq!(config.http.trusted_proxies.len(), 2);
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
        ("[http]\nadmin_networks = [\"10/8\"]", "`http.admin_networks` is \"10/8\""),
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
    let misspelt = [("FOOTFALL_GEO_DATABASE".to_owned(), "x".to_owned())];
    let error = Config::parse(&files.toml(""), misspelt).expect_err("misspelt").to_string();
    assert!(error.contains("FOOTFALL_GEO_DATABASE"), "{error}");
}
