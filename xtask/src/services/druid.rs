//! Apache Druid: coordinator (with the overlord), broker, historical and indexer, a process each. They speak plain HTTP without passwords, on
//! this machine only: what adds passwords and TLS is in no registry for this release (docs/decisions).

use super::client::{self, curl};
use super::process::Launch;
use super::{Context, java};
use crate::{fetch, file};

/// One of its processes.
pub(super) struct Part {
    /// Its service, as the servers' table calls it, and as Druid does.
    pub(super) name: &'static str,
    role: &'static str,
    port: fn(&Ports) -> u16,
    /// MiB of heap and of buffers outside it.
    heap: u32,
    direct: u32,
    /// What it answers with 200, besides its health, when it can be used.
    ready: &'static str,
    /// Its own settings.
    settings: &'static str,
}

/// All on 127.0.0.1.
#[derive(serde::Serialize, serde::Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ports {
    pub(super) zookeeper: u16,
    pub(super) coordinator: u16,
    pub(super) broker: u16,
    pub(super) historical: u16,
    pub(super) indexer: u16,
    /// The metadata, which the coordinator serves.
    pub(super) derby: u16,
}

impl Ports {
    pub(super) const USUAL: Self = Self {
        zookeeper: 12181,
        coordinator: 18081,
        broker: 18082,
        historical: 18083,
        indexer: 18091,
        derby: 11527,
    };

    pub(super) fn usual() -> Self {
        Self::USUAL
    }

    pub(super) fn from(first: u16) -> Self {
        Self {
            zookeeper: first,
            coordinator: first + 1,
            broker: first + 2,
            historical: first + 3,
            indexer: first + 4,
            derby: first + 5,
        }
    }

    pub(super) fn all(&self) -> [u16; 6] {
        [self.zookeeper, self.coordinator, self.broker, self.historical, self.indexer, self.derby]
    }
}

pub(super) const COORDINATOR: Part = Part {
    name: "druid-coordinator",
    role: "coordinator",
    port: |ports| ports.coordinator,
    heap: 256,
    direct: 64,
    ready: "druid/indexer/v1/leader",
    settings: "\
druid.coordinator.startDelay=PT5S
druid.coordinator.period=PT5S
druid.coordinator.period.indexingPeriod=PT60S
druid.manager.segments.pollDuration=PT5S
druid.manager.config.pollDuration=PT10S
druid.coordinator.asOverlord.enabled=true
druid.coordinator.asOverlord.overlordService=druid/overlord
druid.indexer.queue.startDelay=PT1S
druid.indexer.runner.type=httpRemote
druid.indexer.storage.type=metadata
",
};

pub(super) const BROKER: Part = Part {
    name: "druid-broker",
    role: "broker",
    port: |ports| ports.broker,
    heap: 256,
    direct: 128,
    ready: "druid/broker/v1/readiness",
    settings: "\
druid.broker.http.numConnections=5
druid.broker.http.maxQueuedBytes=5MiB
druid.broker.cache.useCache=false
druid.broker.cache.populateCache=false
druid.sql.enable=true
druid.sql.planner.metadataRefreshPeriod=PT5S
",
};

pub(super) const HISTORICAL: Part = Part {
    name: "druid-historical",
    role: "historical",
    port: |ports| ports.historical,
    heap: 192,
    direct: 128,
    ready: "druid/historical/v1/readiness",
    settings: "\
druid.segmentCache.locations=[{\"path\":\"segments\",\"maxSize\":\"5g\"}]
druid.historical.cache.useCache=false
druid.historical.cache.populateCache=false
",
};

pub(super) const INDEXER: Part = Part {
    name: "druid-indexer",
    role: "indexer",
    port: |ports| ports.indexer,
    heap: 512,
    direct: 256,
    ready: "status/health",
    settings: "\
druid.worker.capacity=3
druid.worker.numConcurrentMerges=1
druid.worker.globalIngestionHeapLimitBytes=150000000
druid.indexer.task.baseTaskDir=tasks
# A task lets go of a segment as soon as a historical has it; by default it asks once a minute.
druid.segment.handoff.pollDuration=PT2S
",
};

/// What Druid and its libraries want opened of Java's own modules.
const OPENED: [&str; 8] = [
    "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED",
    "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/jdk.internal.ref=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--add-opens=jdk.management/com.sun.management.internal=ALL-UNNAMED",
];

/// Writes the settings of one of them and says how to start it.
pub(super) fn prepare(context: &Context, part: &Part) -> anyhow::Result<Launch> {
    let jars = fetch::druid()?;
    let folder = context.layout.server(part.name);
    let settings = folder.join("settings");
    for private in [&settings, &folder.join("temporary"), &context.layout.server("druid")] {
        file::private_folder(private)?;
    }
    file::write(&settings.join("runtime.properties"), properties(context, part).as_bytes(), 0o600)?;
    file::write(&settings.join("log4j2.xml"), LOGGING.as_bytes(), 0o644)?;
    file::write(&context.layout.client_settings("druid"), b"max-time = 5\n", 0o600)?;
    let mut arguments: Vec<String> = vec![
        format!("-XX:MaxDirectMemorySize={}m", part.direct),
        "-Duser.timezone=UTC".to_owned(),
        "-Dfile.encoding=UTF-8".to_owned(),
        format!("-Djava.io.tmpdir={}", folder.join("temporary").display()),
        "-Djava.util.logging.manager=org.apache.logging.log4j.jul.LogManager".to_owned(),
        "-Dderby.stream.error.file=derby.log".to_owned(),
    ];
    arguments.extend(OPENED.map(str::to_owned));
    arguments.extend(java::machine(part.heap, Some(&settings), &jars));
    arguments.extend(["org.apache.druid.cli.Main", "server", part.role].map(str::to_owned));
    Ok(Launch { program: client::program("java")?, arguments, folder, environment: vec![], owner: None })
}

/// Whether it is in good health, knows what it serves, and can be used.
pub(super) fn ask(context: &Context, part: &Part) -> anyhow::Result<()> {
    let base = url((part.port)(&context.ports.druid));
    for (path, wanted) in [("status/health", "true"), (part.ready, "")] {
        let url = format!("{base}/{path}");
        let (status, body) = curl(&context.layout.client_settings("druid"), &[], &url)?;
        anyhow::ensure!(status == 200 && body.contains(wanted), "{path} answers {status}: {body}");
    }
    Ok(())
}

fn properties(context: &Context, part: &Part) -> String {
    let ports = &context.ports.druid;
    let storage = context.layout.server("druid");
    let path = |name: &str| storage.join(name).display().to_string();
    format!(
        "\
# Written by `cargo xtask services` at every start: changes here are lost.
druid.service=druid/{role}
druid.host=127.0.0.1
# Without it the port is open on all addresses.
druid.bindOnHost=true
druid.plaintextPort={port}
# The extensions lie beside Druid's own jars.
druid.extensions.searchCurrentClassloader=true
druid.extensions.loadList=[]
druid.startup.logging.logProperties=false
druid.zk.service.host=127.0.0.1:{zookeeper}
druid.zk.paths.base=/druid
druid.metadata.storage.type=derby
druid.metadata.storage.connector.host=127.0.0.1
druid.metadata.storage.connector.port={derby}
druid.metadata.storage.connector.connectURI=jdbc:derby://127.0.0.1:{derby}/{metadata};create=true
druid.storage.type=local
druid.storage.storageDirectory={segments}
druid.indexer.logs.type=file
druid.indexer.logs.directory={logs}
druid.selectors.indexing.serviceName=druid/overlord
druid.selectors.coordinator.serviceName=druid/coordinator
druid.emitter=noop
druid.monitoring.monitors=[]
druid.lookup.enableLookupSyncOnStartup=false
druid.server.http.numThreads=20
druid.global.http.numConnections=10
# It waits for long polls of others that end as well.
druid.server.http.gracefulShutdownTimeout=PT2S
druid.processing.buffer.sizeBytes=20MiB
druid.processing.numMergeBuffers=2
druid.processing.numThreads=1
druid.processing.tmpDir=processing
{settings}",
        role = part.role,
        port = (part.port)(ports),
        zookeeper = ports.zookeeper,
        derby = ports.derby,
        metadata = path("metadata"),
        segments = path("segments"),
        logs = path("task-logs"),
        settings = part.settings,
    )
}

/// Where one of them answers.
pub(super) fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// What each says of its own life, on stdout.
pub(super) const LOGGING: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN">
  <Appenders><Console name="out"><PatternLayout pattern="%d{ISO8601} %-5p %c{1}: %m%n"/></Console></Appenders>
  <Loggers>
    <Root level="info"><AppenderRef ref="out"/></Root>
    <Logger name="org.apache.zookeeper" level="warn"/>
    <Logger name="org.apache.kafka" level="warn"/>
    <Logger name="org.apache.curator" level="warn"/>
    <Logger name="com.sun.jersey.guice" level="warn"/>
    <Logger name="org.apache.druid.server.QueryLifecycle" level="warn"/>
  </Loggers>
</Configuration>
"#;
