//! A space of its own in a real Redis: keys with a prefix that nobody else has, and what an operator would look at.

#![allow(dead_code, reason = "each test program uses its own part of this")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use footfall_live::redis::Options;
use fred::clients::Client;
use fred::interfaces::{
    ClientLike as _, HashesInterface as _, KeysInterface as _, LuaInterface as _, SortedSetsInterface as _,
};
use fred::types::Builder;
use fred::types::config::{Config, ServerConfig};
use fred::types::{CustomCommand, Value};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::services;

/// Keys of one test.
pub(crate) struct Space {
    options: Options,
    client: Client,
}

impl Space {
    /// In the server that all tests share.
    pub(crate) async fn shared() -> Self {
        let redis = services::redis();
        Self::of(Options {
            host: redis.host,
            port: redis.port,
            user: redis.user,
            password_file: Some(redis.password_file),
            tls: redis.tls,
            ca: Some(redis.ca),
            cluster: false,
            prefix: format!("test-{:016x}:", getrandom::u64().expect("randomness")),
        })
        .await
    }

    /// In the server that `options` name.
    pub(crate) async fn of(options: Options) -> Self {
        let client = connect(&options).await;
        Self { options, client }
    }

    pub(crate) fn options(&self) -> Options {
        self.options.clone()
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The test's keys, without the prefix.
    pub(crate) async fn keys(&self) -> Vec<String> {
        let pattern = format!("{}*", self.options.prefix);
        let keys: Vec<String> = self
            .client
            .custom(CustomCommand::new_static("KEYS", None, false), vec![pattern])
            .await
            .expect("keys");
        let mut keys: Vec<_> = keys.iter().map(|key| key[self.options.prefix.len()..].to_owned()).collect();
        keys.sort_unstable();
        keys
    }

    /// Milliseconds that a key has left.
    pub(crate) async fn left_ms(&self, key: &str) -> i64 {
        self.client.pttl(self.name(key)).await.expect("a time")
    }

    /// A hash.
    pub(crate) async fn hash(&self, key: &str) -> BTreeMap<String, String> {
        self.client.hgetall(self.name(key)).await.expect("a hash")
    }

    /// A sorted set, lowest first.
    pub(crate) async fn sorted(&self, key: &str) -> Vec<(String, f64)> {
        self.client.zrange(self.name(key), 0, -1, None, false, None, true).await.expect("a sorted set")
    }

    /// Fails when a key would stay for ever, or for longer than 90 days.
    pub(crate) async fn every_key_ends(&self) {
        for key in self.keys().await {
            let left = self.left_ms(&key).await;
            // -2: it ended between the two questions.
            assert!(left == -2 || (1..=90 * 24 * 3_600_000).contains(&left), "{key} has {left} ms left");
        }
    }

    /// Empties the space at once, as a server is emptied: nobody writes between its keys' going.
    pub(crate) async fn clear_keys(&self) {
        let script =
            "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end return 0";
        let pattern = format!("{}*", self.options.prefix);
        let _: i64 = self.client.eval(script, Vec::<String>::new(), pattern).await.expect("emptied");
    }

    /// Leaves nothing behind.
    pub(crate) async fn clear(self) {
        self.clear_keys().await;
        self.client.quit().await.expect("gone");
    }

    fn name(&self, key: &str) -> String {
        format!("{}{key}", self.options.prefix)
    }
}

async fn connect(options: &Options) -> Client {
    let password =
        options.password_file.as_deref().map(|path| std::fs::read_to_string(path).expect("a password"));
    let tls = options.ca.as_deref().filter(|_| options.tls).map(|ca| {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(ca).expect("certificates") {
            roots.add(certificate.expect("a certificate")).expect("an authority");
        }
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth()
            .into()
    });
    let config = Config {
        username: password.is_some().then(|| options.user.clone()),
        password: password.map(|password| password.trim_end().to_owned()),
        server: ServerConfig::new_centralized(options.host.as_str(), options.port),
        tls,
        ..Config::default()
    };
    let client = Builder::from_config(config).build().expect("a client");
    client.init().await.expect("the test's own connection");
    client
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// A Redis of a test's own, which it may kill, empty and start again.
pub(crate) struct Server {
    pub(crate) port: u16,
    folder: tempfile::TempDir,
    more: Vec<String>,
    child: Child,
}

impl Server {
    /// Starts one with the user `footfall`, and these further settings.
    pub(crate) fn start(more: &[&str]) -> Self {
        let port = free_port();
        let folder = tempfile::tempdir().expect("temp dir");
        super::private(&folder.path().join("password"), "right\n");
        let more: Vec<_> = more.iter().map(|&word| word.to_owned()).collect();
        let child = spawn(port, folder.path(), &more);
        let server = Self { port, folder, more, child };
        server.wait();
        server
    }

    /// How central reaches it.
    pub(crate) fn options(&self) -> Options {
        Options {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            user: "footfall".to_owned(),
            password_file: Some(self.password_file()),
            tls: false,
            ca: None,
            cluster: false,
            prefix: String::new(),
        }
    }

    pub(crate) fn password_file(&self) -> PathBuf {
        self.folder.path().join("password")
    }

    /// Ends it as a crash would. It keeps nothing.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// Starts it again, empty.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(self.port, self.folder.path(), &self.more);
        self.wait();
    }

    fn wait(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "redis-server did not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            // It was ours, and is gone either way.
            drop(self.child.wait());
        }
    }
}

fn spawn(port: u16, folder: &Path, more: &[String]) -> Child {
    let mut settings = format!(
        "bind 127.0.0.1\nport {port}\ndir {}\nsave \"\"\nappendonly no\nuser default off\nuser footfall on >right ~* &* +@all\n",
        folder.display()
    );
    for line in more {
        settings.extend([line, "\n"]);
    }
    let path = folder.join("redis.conf");
    std::fs::write(&path, settings).expect("written");
    Command::new("redis-server")
        .arg(path)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed (Debian: redis-server)")
}

/// Says something to a server that has no keys of ours.
pub(crate) async fn say(client: &Client, command: &'static str, words: Vec<String>) -> Value {
    client.custom(CustomCommand::new_static(command, None, false), words).await.expect("an answer")
}
