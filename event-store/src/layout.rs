//! The data folder: what is written into it at each start, and what the engine is told. Pure but for [`Layout::write`].
//!
//! ```text
//! DATA/event-store.lock   one process at a time
//! DATA/config.xml         the engine's configuration, rewritten at each start
//! DATA/users.xml          its one user's grants and defaults, likewise
//! DATA/engine/            tables and all
//! ```

use crate::limits::INSERT_BLOCK_BYTES;
use std::io;
use std::path::{Path, PathBuf};

/// Threads that merge parts: two cores are shared with everything else.
const MERGE_THREADS: u32 = 4;

/// Table engines that may be created. Those that read or write files, run programs or speak to other servers are not here.
const TABLE_ENGINES: [&str; 17] = [
    "MergeTree",
    "ReplacingMergeTree",
    "SummingMergeTree",
    "AggregatingMergeTree",
    "CollapsingMergeTree",
    "VersionedCollapsingMergeTree",
    "CoalescingMergeTree",
    "GraphiteMergeTree",
    "Memory",
    "Log",
    "TinyLog",
    "StripeLog",
    "Null",
    "Buffer",
    "Set",
    "Join",
    "Merge",
];

/// Where the engine lives and what bounds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The data folder, absolute.
    pub data: PathBuf,
    /// The database that grants are for: it, and every database whose name begins with its name.
    pub database: String,
    /// Bytes of memory for all statements together.
    pub max_memory: u64,
    /// Names and values that statements can ask for, checked to be plain words.
    pub macros: Vec<(String, String)>,
}

impl Layout {
    /// Writes the configuration and makes the engine's folder.
    pub fn write(&self) -> io::Result<()> {
        std::fs::create_dir_all(self.data.join("engine"))?;
        std::fs::write(self.data.join("config.xml"), self.config())?;
        std::fs::write(self.data.join("users.xml"), self.users())
    }

    /// What every connection is opened with. The path stands here and nowhere else: in the file it would win silently.
    pub fn arguments(&self) -> Vec<String> {
        vec![
            format!("--path={}", self.data.join("engine").display()),
            format!("--config-file={}", self.data.join("config.xml").display()),
            "--session_timezone=UTC".into(),
        ]
    }

    /// What bounds a statement without password, each in a setting that its author could only override knowingly.
    pub fn reader_arguments(&self) -> Vec<String> {
        vec!["--max_execution_time=60".into(), format!("--max_memory_usage={}", self.max_memory / 2)]
    }

    /// What makes the database exist.
    pub fn prepare(&self) -> Vec<String> {
        vec![format!("CREATE DATABASE IF NOT EXISTS `{}`", self.database)]
    }

    fn config(&self) -> String {
        let free = MERGE_THREADS / 2;
        let macros = self
            .macros
            .iter()
            .fold(String::new(), |text, (name, value)| text + &format!("    <{name}>{value}</{name}>\n"));
        format!(
            "<!-- Written at each start. -->\n\
             <clickhouse>\n\
             \x20 <users_config>{users}</users_config>\n\
             \x20 <timezone>UTC</timezone>\n\
             \x20 <max_server_memory_usage>{memory}</max_server_memory_usage>\n\
             \x20 <mark_cache_size>{marks}</mark_cache_size>\n\
             \x20 <macros>\n{macros}  </macros>\n\
             \x20 <background_pool_size>{MERGE_THREADS}</background_pool_size>\n\
             \x20 <merge_tree>\n\
             \x20   <fsync_after_insert>1</fsync_after_insert>\n\
             \x20   <fsync_part_directory>1</fsync_part_directory>\n\
             \x20   <number_of_free_entries_in_pool_to_execute_mutation>{free}</number_of_free_entries_in_pool_to_execute_mutation>\n\
             \x20   <number_of_free_entries_in_pool_to_lower_max_size_of_merge>{free}</number_of_free_entries_in_pool_to_lower_max_size_of_merge>\n\
             \x20   <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>{free}</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>\n\
             \x20 </merge_tree>\n\
             </clickhouse>\n",
            users = escape(&self.data.join("users.xml")),
            memory = self.max_memory,
            marks = (self.max_memory / 16).min(512 << 20),
        )
    }

    fn users(&self) -> String {
        let database = &self.database;
        let mut grants = vec![
            format!(
                "SHOW, SELECT, INSERT, ALTER, CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP DATABASE, DROP TABLE, \
                 DROP VIEW, UNDROP TABLE, TRUNCATE, OPTIMIZE, CHECK ON {database}*.*"
            ),
            "SELECT ON system.*".to_owned(),
            "SELECT ON INFORMATION_SCHEMA.*".to_owned(),
            "SELECT ON information_schema.*".to_owned(),
            "CREATE TEMPORARY TABLE, KILL QUERY, SYSTEM MERGES, SYSTEM TTL MERGES, SYSTEM FLUSH, SYSTEM DROP CACHE, \
             SYSTEM JEMALLOC ON *.*"
                .to_owned(),
        ];
        grants.extend(TABLE_ENGINES.iter().map(|engine| format!("TABLE ENGINE ON {engine}")));
        let grants = grants
            .iter()
            .fold(String::new(), |text, grant| text + "        <query>GRANT " + grant + "</query>\n");
        format!(
            "<!-- Written at each start. The engine's one user: who may use it is decided before it is asked. -->\n\
             <clickhouse>\n\
             \x20 <profiles><default>\n\
             \x20   <implicit_select>0</implicit_select>\n\
             \x20   <async_insert>0</async_insert>\n\
             \x20   <max_insert_block_size_bytes>{INSERT_BLOCK_BYTES}</max_insert_block_size_bytes>\n\
             \x20 </default></profiles>\n\
             \x20 <quotas><default/></quotas>\n\
             \x20 <users>\n\
             \x20   <default>\n\
             \x20     <password></password>\n\
             \x20     <networks><ip>::/0</ip></networks>\n\
             \x20     <profile>default</profile>\n\
             \x20     <quota>default</quota>\n\
             \x20     <grants>\n{grants}      </grants>\n\
             \x20   </default>\n\
             \x20 </users>\n\
             </clickhouse>\n"
        )
    }
}

/// Half of the machine's memory, at least 1 GiB: what a server takes that shares the machine. `meminfo` is /proc/meminfo.
pub fn default_memory(meminfo: &str) -> u64 {
    let total = meminfo
        .lines()
        .find_map(|line| {
            line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
        })
        .map_or(0, |kilobytes| kilobytes << 10);
    (total / 2).max(1 << 30)
}

fn escape(path: &Path) -> String {
    path.display().to_string().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod the_layout {
    use super::*;

    fn layout() -> Layout {
        let macros = vec![("shard".into(), "1".into())];
        Layout { data: "/d/a&b".into(), database: "footfall".into(), max_memory: 4 << 30, macros }
    }

    #[test]
    fn names_the_path_once() {
        assert!(!layout().config().contains("<path>"));
        assert_eq!(layout().arguments()[0], "--path=/d/a&b/engine");
        assert!(layout().config().contains("<users_config>/d/a&amp;b/users.xml</users_config>"));
    }

    #[test]
    fn names_its_macros() {
        assert!(layout().config().contains("<macros>\n    <shard>1</shard>\n  </macros>"));
    }

    #[test]
    fn grants_no_way_out() {
        let users = layout().users();
        for way in [
            "FILE",
            "URL",
            "REMOTE",
            "S3",
            "DICTIONARY",
            "FUNCTION",
            "ALL ON",
            "ENGINE ON *",
            "ENGINE ON File",
        ] {
            assert!(!users.contains(way), "{way}");
        }
        assert!(users.contains("ON footfall*.*"));
    }

    #[test]
    fn takes_half_of_the_memory() {
        assert_eq!(default_memory("MemTotal:       16777216 kB\nMemFree: 1 kB\n"), 8 << 30);
        assert_eq!(default_memory("MemTotal: 1024 kB"), 1 << 30);
        assert_eq!(default_memory("nonsense"), 1 << 30);
    }
}
