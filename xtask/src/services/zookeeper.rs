//! ZooKeeper, where Druid's processes find each other: one node, on this machine only.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use anyhow::Context as _;

use super::process::Launch;
use super::{Context, client, java};
use crate::ports::loopback;
use crate::{fetch, file};

/// MiB.
const HEAP: u32 = 64;
/// For a question and its answer.
const WAIT: Duration = Duration::from_secs(2);

/// Writes its settings and says how to start it.
pub(super) fn prepare(context: &Context) -> anyhow::Result<Launch> {
    let jars = fetch::druid()?;
    let folder = context.layout.server("zookeeper");
    file::private_folder(&folder.join("data"))?;
    let settings = folder.join("zoo.cfg");
    file::write(&settings, text(context.ports.druid.zookeeper, &folder).as_bytes(), 0o644)?;
    file::write(&folder.join("log4j2.xml"), super::druid::LOGGING.as_bytes(), 0o644)?;
    let mut arguments = java::machine(HEAP, Some(&folder), &jars);
    arguments.push("org.apache.zookeeper.server.quorum.QuorumPeerMain".to_owned());
    arguments.push(settings.display().to_string());
    Ok(Launch { program: client::program("java")?, arguments, folder, environment: vec![], owner: None })
}

/// Its four letter words.
pub(super) fn ask(context: &Context) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect_timeout(&loopback(context.ports.druid.zookeeper), WAIT)?;
    stream.set_read_timeout(Some(WAIT))?;
    stream.write_all(b"ruok")?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.take(16).read_to_string(&mut answer).context("it does not answer")?;
    anyhow::ensure!(answer == "imok", "it answers {answer:?}");
    Ok(())
}

fn text(port: u16, folder: &std::path::Path) -> String {
    format!(
        "\
# Written by `cargo xtask services` at every start: changes here are lost.
clientPort={port}
clientPortAddress=127.0.0.1
dataDir={}
tickTime=2000
maxCnxns=0
maxClientCnxns=60
autopurge.snapRetainCount=3
autopurge.purgeInterval=1
# It would listen on all addresses.
admin.enableServer=false
4lw.commands.whitelist=ruok
",
        folder.join("data").display()
    )
}
