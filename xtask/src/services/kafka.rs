//! Apache Kafka: one process that is broker and controller (KRaft). Clients speak SASL_SSL with SCRAM-SHA-512; the controller
//! listens to holders of a certificate of ours only.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::client::{self, client};
use super::process::Launch;
use super::{Context, USER, java};
use crate::ports::loopback;
use crate::{fetch, file, shell};

/// The broker's own user, for what it says to itself.
const BROKER: &str = "broker";
/// MiB.
const HEAP: u32 = 256;
/// Of the tools that ask it something.
const TOOLS_HEAP: u32 = 64;

/// How Java clients log in, the broker itself included.
const LOGIN: &str = "org.apache.kafka.common.security.scram.ScramLoginModule required";
/// For the first sign of life.
const CONNECT: Duration = Duration::from_secs(2);

/// Writes its settings, formats its folder once, and says how to start it.
pub(super) fn prepare(context: &Context) -> anyhow::Result<Launch> {
    let jars = fetch::kafka()?;
    let folder = context.layout.server("kafka");
    file::private_folder(&folder)?;
    let identity = context.authority.identity("kafka");
    let keystore = [std::fs::read(identity.key)?, std::fs::read(identity.certificate)?].concat();
    file::write(&folder.join("keystore.pem"), &keystore, 0o600)?;
    file::write(&folder.join("log4j2.properties"), LOGGING.as_bytes(), 0o644)?;
    let settings = folder.join("server.properties");
    file::write(&settings, properties(context, &folder)?.as_bytes(), 0o600)?;
    file::write(&context.layout.client_settings("kafka"), client_properties(context)?.as_bytes(), 0o600)?;
    let arguments = |main: &str| -> Vec<String> {
        let logging = folder.join("log4j2.properties");
        let mut arguments = vec![format!("-Dlog4j2.configurationFile={}", logging.display())];
        arguments.extend(java::machine(HEAP, None, &jars));
        arguments.push(main.to_owned());
        arguments
    };
    if !folder.join("data").join("meta.properties").exists() {
        format(context, arguments("kafka.tools.StorageTool"), &settings, &folder)?;
    }
    let mut start = arguments("kafka.Kafka");
    start.push(settings.display().to_string());
    Ok(Launch {
        program: client::program("java")?,
        arguments: start,
        folder,
        environment: vec![],
        owner: None,
    })
}

/// Lists the topics with Kafka's own client. A Java machine takes seconds to start, so the port is tried first.
pub(super) fn ask(context: &Context) -> anyhow::Result<()> {
    TcpStream::connect_timeout(&loopback(context.ports.kafka), CONNECT)?;
    let mut tool = client(&client::program("java")?);
    tool.args(java::machine(TOOLS_HEAP, None, &fetch::kafka()?));
    tool.args(["org.apache.kafka.tools.TopicCommand", "--list", "--bootstrap-server"]);
    tool.arg(loopback(context.ports.kafka).to_string());
    tool.arg("--command-config").arg(context.layout.client_settings("kafka"));
    client::ask(&mut tool).map(drop)
}

/// The users are made here: without them nobody could ask the running broker to make one.
fn format(context: &Context, java: Vec<String>, settings: &Path, folder: &Path) -> anyhow::Result<()> {
    let mut words = java;
    words.extend(["format", "--ignore-formatted", "--cluster-id"].map(str::to_owned));
    words.push(cluster_id()?);
    words.extend(["--config".to_owned(), settings.display().to_string()]);
    for user in [USER, BROKER] {
        let password = context.layout.password(&secret_of(user))?;
        words.push("--add-scram".to_owned());
        words.push(format!("SCRAM-SHA-512=[name={user},password={password}]"));
    }
    // Passwords in arguments could be read by everybody: Java takes its arguments from a file.
    let quoted: Vec<String> =
        words.iter().map(|word| format!("\"{}\"", word.replace('\\', "\\\\"))).collect();
    let arguments = folder.join("format.arguments");
    file::write(&arguments, quoted.join("\n").as_bytes(), 0o600)?;
    let formatted = shell::read(
        Command::new(client::program("java")?).arg(format!("@{}", arguments.display())).current_dir(folder),
    );
    std::fs::remove_file(&arguments).with_context(|| format!("cannot remove {}", arguments.display()))?;
    formatted.map(drop).context("could not format Kafka's folder")
}

/// 16 random bytes as Kafka writes them; a leading dash would look like an option.
fn cluster_id() -> anyhow::Result<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).context("the system gives no random number")?;
    random[0] &= 0x7f;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(random))
}

fn secret_of(user: &str) -> String {
    if user == USER { "kafka".to_owned() } else { format!("kafka-{user}") }
}

fn properties(context: &Context, folder: &Path) -> anyhow::Result<String> {
    let password = context.layout.password(&secret_of(BROKER))?;
    let (clients, controller) = (context.ports.kafka, context.ports.kafka_controller);
    let path = |path: PathBuf| path.display().to_string();
    let (data, keystore, ca) =
        (path(folder.join("data")), path(folder.join("keystore.pem")), path(context.authority.ca()));
    Ok(format!(
        "\
# Written by `cargo xtask services` at every start: changes here are lost.
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=SASL_SSL://127.0.0.1:{clients},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=SASL_SSL://127.0.0.1:{clients}
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:SSL
inter.broker.listener.name=SASL_SSL
log.dirs={data}

ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={ca}
listener.name.controller.ssl.client.auth=required
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={LOGIN} username=\"{BROKER}\" password=\"{password}\";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{USER};User:{BROKER};User:CN=kafka

# A topic is made by whoever needs it, with the settings that it needs.
auto.create.topics.enable=false
# One node cannot replicate.
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
unclean.leader.election.enable=false
# A consumer alone need not wait for others.
group.initial.rebalance.delay.ms=0

# Small: the heap would not hold the defaults.
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
share.coordinator.state.topic.num.partitions=4
num.network.threads=2
num.io.threads=2
background.threads=2
num.recovery.threads.per.data.dir=1
log.segment.bytes=67108864
log.cleaner.dedupe.buffer.size=16777216
"
    ))
}

/// What Kafka's own tools need; people use it too, with `--command-config`.
fn client_properties(context: &Context) -> anyhow::Result<String> {
    Ok(format!(
        "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\nssl.truststore.type=PEM\nssl.truststore.location={}\n\
         sasl.jaas.config={LOGIN} username=\"{USER}\" password=\"{}\";\n",
        context.authority.ca().display(),
        context.layout.password("kafka")?
    ))
}

/// Warnings, and what the broker says of its own life, on stdout.
const LOGGING: &str = "\
status = warn
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %-5p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
logger.life.name = kafka.server
logger.life.level = info
";
