//! An S3 server of a test's own, which it may kill: the program of the shared one, on other ports and with data of its own.

#![allow(dead_code, reason = "each test program uses its own part of this")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use footfall_blobs::{Location, S3};

use super::services;
use super::{eventually, http};

const BUCKET: &str = "footfall";

/// The shared server, under a prefix that nobody else has.
pub(crate) fn shared() -> S3 {
    let s3 = services::s3();
    let mut prefix = [0; 8];
    getrandom::fill(&mut prefix).expect("randomness");
    S3 {
        endpoint: s3.endpoint,
        region: s3.region,
        bucket: s3.bucket,
        prefix: format!("test-{:016x}", u64::from_be_bytes(prefix)),
        access_key: s3.access_key,
        secret_key_file: s3.secret_key_file,
        allow_http: true,
    }
}

pub(crate) struct Server {
    program: PathBuf,
    dir: PathBuf,
    ports: Vec<u16>,
    /// Its data lie in memory, and there is only so much of it.
    room: Option<String>,
    child: Option<Child>,
}

impl Server {
    /// `room`: what fits, as `mount` writes it, such as `64m`.
    pub(crate) async fn start(dir: &Path, room: Option<&str>) -> Self {
        let running = services::s3().pid;
        let program = std::fs::read_link(format!("/proc/{running}/exe")).expect("the shared S3 server runs");
        std::fs::create_dir_all(dir.join("data")).expect("a folder");
        super::private(&dir.join("secret"), "test-secret\n");
        let identities = serde_json::json!({ "identities": [{ "name": "test",
            "credentials": [{ "accessKey": "test", "secretKey": "test-secret" }],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"] }] });
        std::fs::write(dir.join("s3.json"), identities.to_string()).expect("write");
        // All are held until the last is found: else one may be found twice.
        let held: Vec<_> = (0..8).map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
        let port = |held: &TcpListener| held.local_addr().expect("an address").port();
        let ports = held.iter().map(port).collect();
        drop(held);
        let room = room.map(str::to_owned);
        let mut server = Self { program, dir: dir.to_owned(), ports, room, child: None };
        server.run().await;
        server
    }

    /// Starts it (again), on the same ports and data.
    pub(crate) async fn run(&mut self) {
        let data = self.dir.join("data").display().to_string();
        let mut command = match &self.room {
            None => Command::new(&self.program),
            Some(room) => {
                let mut command = Command::new("unshare");
                command.args(["--mount", "sh", "-c"]);
                command.arg(format!("mount -t tmpfs -o size={room} tmpfs '{data}' && exec \"$0\" \"$@\""));
                command.arg(&self.program);
                command
            }
        };
        command.args(["-logtostderr", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]);
        command.args(["-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.max=100"]);
        command.args([
            "-master.volumeSizeLimitMB=64",
            "-volume.preStopSeconds=0",
            "-master.electionTimeout=1s",
        ]);
        command.args(["-master.heartbeatInterval=100ms", "-volume.minFreeSpace=0"]);
        command.arg(format!("-dir={data}"));
        command.arg(format!("-s3.config={}", self.dir.join("s3.json").display()));
        for (part, ports) in ["s3", "master", "volume", "filer"].iter().zip(self.ports.chunks(2)) {
            command.arg(format!("-{part}.port={}", ports[0])).arg(format!("-{part}.port.grpc={}", ports[1]));
        }
        let messages = std::fs::File::create(self.dir.join("log")).expect("a file");
        let child =
            command.current_dir(&self.dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(messages);
        self.child = Some(child.spawn().expect("the S3 server starts"));
        // The bucket is a folder of its file tree.
        let folder = format!("http://127.0.0.1:{}/buckets/{BUCKET}/", self.ports[6]);
        let client = http();
        let answers = async |url: &str, wanted: u16| {
            client.get(url).send().await.is_ok_and(|answer| answer.status().as_u16() == wanted)
        };
        let made = async || client.post(&folder).send().await.is_ok() && answers(&folder, 200).await;
        eventually("the S3 server's bucket", made).await;
        let endpoint = self.endpoint();
        eventually("the S3 server", async || answers(&endpoint, 403).await).await;
    }

    /// More fits from now on.
    pub(crate) fn gets_room(&self, room: &str) {
        let pid = self.child.as_ref().expect("it runs").id().to_string();
        let mut command = Command::new("nsenter");
        command.args(["--target", &pid, "--mount", "--", "mount", "-o", &format!("remount,size={room}")]);
        assert!(command.arg(self.dir.join("data")).status().expect("nsenter runs").success());
    }

    /// Ends it at once, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        child.kill().expect("it is ours");
        child.wait().expect("it is ours");
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    pub(crate) fn s3(&self) -> S3 {
        S3 {
            endpoint: self.endpoint(),
            region: "us-east-1".into(),
            bucket: BUCKET.into(),
            prefix: String::new(),
            access_key: "test".into(),
            secret_key_file: self.dir.join("secret"),
            allow_http: true,
        }
    }

    pub(crate) fn place(&self) -> Location {
        Location::S3(self.s3())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
