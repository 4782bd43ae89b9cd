//! The configuration, from text to what is used.

use super::*;
use rcgen::{CertificateParams, KeyPair};

fn read(text: &str, environment: impl IntoIterator<Item = (String, String)>) -> Result<Config, ConfigError> {
    footfall_daemon::config::read::<RawConfig>(text, environment, OTHERS)?.resolve()
}

/// Writes a file that only its owner can read.
fn private(path: &Path, text: &str) {
    footfall_daemon::file::replace_unsynced(path, text.as_bytes(), 0o600).expect("write");
}

struct Files {
    dir: tempfile::TempDir,
}

impl Files {
    fn make() -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        let key = KeyPair::generate().expect("key");
        let certificate = CertificateParams::new(vec!["central.test".to_owned()])
            .expect("valid")
            .self_signed(&key)
            .expect("signed");
        std::fs::write(dir.path().join("central.pem"), certificate.pem()).expect("write");
        private(&dir.path().join("central.key"), &key.serialize_pem());
        std::fs::write(dir.path().join("event-store"), "").expect("write");
        Self { dir }
    }

    fn text(&self, more: &str) -> String {
        let path = |name: &str| self.dir.path().join(name).display().to_string();
        format!(
            "data = '{}'\n[relay]\ncertificate = '{}'\nkey = '{}'\nca = '{}'\n[event_store]\nprogram = '{}'\n{more}",
            self.dir.path().display(),
            path("central.pem"),
            path("central.key"),
            path("central.pem"),
            path("event-store"),
        )
    }

    fn parse(&self, more: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        read(&self.text(more), environment)
    }
}

#[test]
fn what_is_left_out_has_the_default_of_the_design() {
    let config = Files::make().parse("", &[]).expect("valid");
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8081");
    assert_eq!(config.relay.listen.to_string(), "127.0.0.1:4433");
    assert_eq!(config.receipt_window, ingest::ReceiptWindow::new(30, 300));
    assert_eq!(config.event_store.database, "footfall");
    assert_eq!(config.event_store.password_file, config.data.join("clickhouse.password"));
    assert_eq!(config.metadata, config.data.join("metadata.sqlite").into());
    let footfall_clickhouse::Backend::Embedded(program) = config.event_store.backend else {
        panic!("not embedded")
    };
    assert_eq!(program.listen.to_string(), "127.0.0.1:8123");
}

#[test]
fn the_environment_comes_before_the_file() {
    let environment = [
        ("FOOTFALL_HTTP_LISTEN", "127.0.0.1:9"),
        ("FOOTFALL_HTTP_NAMES", "stats.example, other.example"),
        ("FOOTFALL_LOG_MAX_BYTES", "268435456"),
        ("FOOTFALL_METADATA_BACKEND", "postgresql"),
        ("FOOTFALL_METADATA_POSTGRESQL_HOST", "db.example"),
        ("FOOTFALL_METADATA_POSTGRESQL_PORT", "5433"),
        ("FOOTFALL_METADATA_POSTGRESQL_TLS", "false"),
        ("FOOTFALL_LOG", "debug"),
        ("FOOTFALL_LIVE_BACKEND", "redis"),
        ("FOOTFALL_LIVE_REDIS_HOST", "cache.example"),
        ("FOOTFALL_LIVE_REDIS_CLUSTER", "true"),
        ("FOOTFALL_LIVE_REDIS_TLS", "false"),
        ("FOOTFALL_QUERY_STALE_SECONDS", "0"),
        ("HOME", "/root"),
    ];
    let files = Files::make();
    let more = format!(
        "database = 'other'\n[http]\nlisten = '127.0.0.1:8'\n[metadata]\npostgresql = {{ password_file = '{}' }}",
        files.dir.path().join("central.key").display()
    );
    let config = files.parse(&more, &environment).expect("valid");
    assert_eq!(config.http.listen.port(), 9);
    assert_eq!(config.http.names, ["stats.example", "other.example"]);
    assert!(matches!(config.log, Log::Embedded { max_bytes: 0x1000_0000, .. }), "{:?}", config.log);
    assert_eq!(config.event_store.database.as_str(), "other");
    let footfall_metadata::Location::Postgresql(server) = config.metadata else { panic!("not a server") };
    assert_eq!((server.to_string(), server.tls), ("db.example:5433/footfall".to_owned(), false));
    let footfall_live::Options::Redis(redis) = config.live else { panic!("not in Redis") };
    assert_eq!((redis.host.as_str(), redis.port, redis.cluster), ("cache.example", 6379, true));
    assert!(!redis.tls, "the words are there");
    assert!(config.stale.is_zero());
}

#[test]
fn a_log_in_kafka_can_be_named_by_the_environment_alone() {
    let environment = [
        ("FOOTFALL_LOG_BACKEND", "kafka"),
        ("FOOTFALL_LOG_KAFKA_BOOTSTRAP", "kafka.example:9092"),
        ("FOOTFALL_LOG_KAFKA_SECURITY", "PLAINTEXT"),
        ("FOOTFALL_LOG_KAFKA_PARTITIONS", "16"),
    ];
    let config = Files::make().parse("", &environment).expect("valid");
    let Log::Kafka(options) = config.log else { panic!("not in Kafka") };
    assert_eq!((options.bootstrap.as_str(), options.partitions), ("kafka.example:9092", 16));
    assert_eq!(options.topic, "footfall.events");
}

#[test]
fn shards_and_replicas_are_named_in_the_file_or_the_environment() {
    let files = Files::make();
    let more = "servers = [['http://a:1', 'https://b'], ['http://c']]\ncluster = 'analytics'\ntls = false\npassword_file = 'Cargo.toml'";
    let config = files.parse(more, &[]).expect("valid");
    let footfall_clickhouse::Backend::Servers(servers) = config.event_store.backend else {
        panic!("embedded")
    };
    assert_eq!(servers.shards, [vec!["http://a:1", "https://b"], vec!["http://c"]]);
    assert_eq!(servers.layout, footfall_clickhouse::Layout::Cluster("analytics".into()));
    let environment = [
        ("FOOTFALL_EVENT_STORE_SERVERS", "https://a; https://b"),
        ("FOOTFALL_EVENT_STORE_PASSWORD_FILE", "Cargo.toml"),
    ];
    let config = files.parse("", &environment).expect("valid");
    let footfall_clickhouse::Backend::Servers(servers) = config.event_store.backend else {
        panic!("embedded")
    };
    assert_eq!(
        (servers.shards, servers.layout),
        (vec![vec!["https://a".to_owned()], vec!["https://b".to_owned()]], footfall_clickhouse::Layout::Node)
    );
}

#[test]
fn each_mistake_has_its_sentence() {
    let files = Files::make();
    let sentence = |more: &str| files.parse(more, &[]).expect_err("wrong").to_string();
    for (more, part) in [
        ("colour = 'red'", "unknown field `colour`"),
        ("[surprise]\na = 1", "unknown field `surprise`"),
        ("[http]\nlisten = '0.0.0.0:8081'", "only loopback addresses"),
        ("listen = '192.168.0.1:8123'", "only loopback addresses"),
        ("[http]\nlisten = 'here'", "is not an address"),
        ("library = '/no/such/libchdb.so'", "event_store.library"),
        ("servers = [['ftp://db']]\npassword_file = 'Cargo.toml'", "http:// or https://"),
        ("servers = [['http://u:p@db']]\npassword_file = 'Cargo.toml'", "without user"),
        ("servers = [['https://db'], ['https://db/']]\npassword_file = 'Cargo.toml'", "each once"),
        ("servers = [['https://db'], []]\npassword_file = 'Cargo.toml'", "without a server"),
        ("servers = [['https://a', 'https://b']]\npassword_file = 'Cargo.toml'", "event_store.cluster"),
        ("servers = [['https://a']]\ncluster = 'a b'\npassword_file = 'Cargo.toml'", "letters, digits"),
        ("servers = [['https://a']]\nca = '/no/such.pem'\npassword_file = 'Cargo.toml'", "event_store.ca"),
        ("servers = [['http://db:8123']]", "event_store.password_file"),
        ("database = 'a b'", "letters, digits"),
        ("[metadata]\nbackend = 'oracle'", "unknown variant `oracle`"),
        ("[metadata]\nbackend = 'postgresql'", "metadata.postgresql.password_file"),
        ("[metadata]\npostgresql = { password = 'no' }", "unknown field `password`"),
        ("[log]\nmax_bytes = 10", "log.max_bytes"),
        ("[log]\nmax_bytes = 'much'", "invalid type"),
        ("[live]\nbackend = 'paper'", "\"memory\" or \"redis\""),
        ("[live]\nbackend = 'redis'", "live.redis.host"),
        ("[live]\nbackend = 'redis'\nredis = { host = 'h', tls = true }", "live.redis.ca"),
        ("[live]\nbackend = 'redis'\nredis = { host = 'redis://h' }", "a name or an address"),
        (
            "[live]\nbackend = 'redis'\nredis = { host = 'h', password_file = '/no/such' }",
            "live.redis.password_file",
        ),
        ("[query]\nstale_seconds = -1", "expected u16"),
        ("= nonsense", "(line "),
    ] {
        let sentence = sentence(more);
        assert!(sentence.contains(part) && !sentence.contains('\n'), "{more:?} gave {sentence:?}");
    }
    for (variable, value, key) in [
        ("FOOTFALL_RELAY_RECEIPT_DAYS_BACK", "0", "relay.receipt_days_back"),
        ("FOOTFALL_RELAY_RECEIPT_DAYS_BACK", "61", "relay.receipt_days_back"),
        ("FOOTFALL_RELAY_RECEIPT_SECONDS_AHEAD", "59", "relay.receipt_seconds_ahead"),
        ("FOOTFALL_RELAY_RECEIPT_SECONDS_AHEAD", "3601", "relay.receipt_seconds_ahead"),
    ] {
        let wrong = files.parse("", &[(variable, value)]).expect_err("wrong").to_string();
        assert!(wrong.contains(key), "{wrong}");
    }
    for variable in
        ["FOOTFALL_LOG_MAX_BYTES", "FOOTFALL_LOG_MAX_BITES", "FOOTFALL_RELAY", "FOOTFALL_METADATA_HOST"]
    {
        let wrong = files.parse("", &[(variable, "much")]).expect_err("wrong").to_string();
        assert!(wrong.contains(variable), "{wrong}");
    }
    private(&files.dir.path().join("central.key"), "no key");
    assert!(sentence("").contains("central.key"));
}

#[test]
fn the_raw_log_goes_to_a_folder_or_to_an_s3_that_is_named_whole() {
    let files = Files::make();
    let config = files.parse("", &[]).expect("valid");
    assert!(
        matches!(config.blobs, footfall_blobs::Location::Folder(folder) if folder == config.data.join("blobs"))
    );
    assert_eq!(config.close_after, Duration::from_mins(1));

    let secret = files.dir.path().join("secret");
    std::fs::write(&secret, "very-secret").expect("write");
    let s3 = |more: &str| {
        format!(
            "[blobs]\nbackend = 's3'\n[blobs.s3]\nbucket = 'footfall'\naccess_key = 'us'\nsecret_key_file = '{}'\n{more}",
            secret.display()
        )
    };
    let endpoint = ("FOOTFALL_BLOBS_S3_ENDPOINT", "http://127.0.0.1:9000");
    let plain = ("FOOTFALL_BLOBS_S3_TLS", "false");
    let config = files.parse(&s3("prefix = 'here'"), &[endpoint]).expect("valid");
    let footfall_blobs::Location::S3(s3_place) = config.blobs else { panic!("not S3") };
    assert_eq!((s3_place.endpoint.as_str(), s3_place.prefix.as_str()), (endpoint.1, "here"));
    for (more, environment) in [
        (s3("endpoint = 'http://u:p@127.0.0.1'"), vec![]),
        (s3("endpoint = 'ftp://127.0.0.1'"), vec![plain]),
        ("[blobs]\nbackend = 's3'".to_owned(), vec![]),
        ("[blobs]\nbackend = 'tape'".to_owned(), vec![]),
        ("[blobs]\nclose_after_seconds = 0".to_owned(), vec![]),
    ] {
        let refused = files.parse(&more, &environment).expect_err("not valid").to_string();
        assert!(refused.contains("blobs.") && !refused.contains('\n'), "{refused}");
    }
}

/// The configuration of each server elsewhere, and what says that it is to be spoken to in the clear.
const SERVERS: [(&str, &str, &str); 3] = [
    (
        "servers = [['http://HOST:8123']]\npassword_file = 'SECRET'\n",
        "event_store.servers",
        "event_store.tls = false",
    ),
    (
        "[blobs]\nbackend = 's3'\n[blobs.s3]\nendpoint = 'http://HOST'\nbucket = 'b'\naccess_key = 'a'\nsecret_key_file = 'SECRET'\n",
        "blobs.s3.endpoint",
        "blobs.s3.tls = false",
    ),
    (
        "[live]\nbackend = 'redis'\n[live.redis]\nhost = 'HOST'\npassword_file = 'SECRET'\n",
        "live.redis.host",
        "live.redis.tls = false",
    ),
];

#[test]
fn nothing_is_sent_to_another_machine_in_the_clear_unless_that_is_said() {
    let files = Files::make();
    let secret = files.dir.path().join("secret");
    std::fs::write(&secret, "very-secret").expect("write");
    for (server, key, words) in SERVERS {
        let server = server.replace("SECRET", &secret.display().to_string());
        for host in ["db", "10.0.0.1", "0.0.0.0", "localhost.example"] {
            let there = server.replace("HOST", host);
            let refused = files.parse(&there, &[]).expect_err(&there).to_string();
            assert!(refused.contains(key) && refused.contains(host) && refused.contains(words), "{refused}");
            assert!(!refused.contains('\n'), "{refused}");
            files.parse(&format!("{there}tls = false\n"), &[]).expect("the words are there");
        }
        for host in ["127.0.0.1", "localhost"] {
            files.parse(&server.replace("HOST", host), &[]).expect("nothing leaves the machine");
        }
    }
}

#[test]
fn a_redis_is_spoken_to_in_the_clear_only_on_this_machine_or_where_that_is_said() {
    let files = Files::make();
    let ca = files.dir.path().join("central.pem").display().to_string();
    for (more, tls) in [
        ("host = '127.0.0.1'", Some(false)),
        ("host = '::1'", Some(false)),
        ("host = '127.0.0.1'\nca = 'CA'", Some(true)),
        ("host = '127.0.0.1'\ntls = true", None),
        ("host = '127.0.0.1'\ncluster = true", None),
        ("host = '127.0.0.1'\ncluster = true\nca = 'CA'", Some(true)),
        ("host = 'cache.example'", None),
        ("host = 'cache.example'\nca = '/no/such.pem'", None),
        ("host = 'cache.example'\nca = 'CA'", Some(true)),
        ("host = 'cache.example'\nca = 'CA'\ntls = false", Some(false)),
    ] {
        let text = format!("[live]\nbackend = 'redis'\n[live.redis]\n{}", more.replace("CA", &ca));
        let found = files.parse(&text, &[]).map(|config| match config.live {
            footfall_live::Options::Redis(redis) => redis.tls,
            footfall_live::Options::Memory => panic!("not in Redis"),
        });
        assert_eq!(found.ok(), tls, "{more}");
    }
}

#[test]
fn the_examples_that_are_given_out_are_valid() {
    let files = Files::make();
    let own = files.dir.path().display().to_string();
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    for example in ["config/central.toml", "compose/central.toml"] {
        let text = std::fs::read_to_string(deploy.join(example)).expect("an example");
        let text = ["/secrets", "/etc/footfall", "/usr/lib/footfall", "/var/lib/footfall-central"]
            .into_iter()
            .fold(text, |text, place| text.replace(place, &own));
        for file in text.split('"').filter_map(|path| path.strip_prefix(&format!("{own}/"))) {
            let path = files.dir.path().join(file);
            if !path.exists() {
                let authority = file.ends_with("ca.pem");
                let from = files.dir.path().join("central.pem");
                if authority { std::fs::copy(from, path).map(drop) } else { std::fs::write(path, "secret") }
                    .expect("written");
            }
        }
        let program = ("FOOTFALL_EVENT_STORE_PROGRAM".to_owned(), format!("{own}/event-store"));
        let config = read(&text, [program]).unwrap_or_else(|error| panic!("{example}: {error}"));
        let on_servers = matches!(config.event_store.backend, footfall_clickhouse::Backend::Servers(_));
        assert_eq!(on_servers, example.starts_with("compose"));
    }
}

#[test]
fn the_template_is_a_configuration_once_what_is_required_is_given() {
    let files = Files::make();
    let text = Config::template();
    let path = |name: &str| files.dir.path().join(name).display().to_string();
    let required = [
        ("data", path("")),
        ("certificate", path("central.pem")),
        ("key", path("central.key")),
        ("ca", path("central.pem")),
    ];
    let text = required.iter().fold(text, |text, (key, value)| {
        assert!(text.contains(&format!("#{key} = # required\n")), "{key} in {text}");
        text.replace(&format!("#{key} = # required"), &format!("{key} = '{value}'"))
    });
    assert!(!text.contains("required\n"), "{text}");
    let program = ("FOOTFALL_EVENT_STORE_PROGRAM".to_owned(), path("event-store"));
    let config = read(&text, [program]).expect("valid");
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8081");
}

#[test]
fn the_documentation_names_every_key_as_it_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let text = std::fs::read_to_string(path).expect("a document");
    let block = format!("<!-- printed by: central print-template -->\n```toml\n{}```\n", Config::template());
    assert!(text.contains(&block), "docs/configuration.md is out of date: run `cargo xtask docs`");
}
