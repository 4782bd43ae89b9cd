//! The data folder: what is written into it at each start, and what the engine is told. Pure but for [`Layout::write`].
//!
//! ```text
//! DATA/event-store.lock   one process at a time
//! DATA/config.xml         the engine's configuration, rewritten at each start
//! DATA/users.xml          its one user, the two roles and their grants, likewise
//! DATA/engine/            tables and all
//! ```
//!
//! The engine has one user. A connection begins with the role of the owner; one for callers without the password takes the
//! reader's role and can never leave it, as SET takes the password. Grants, row policies and constraints are the engine's
//! own and hold for what no check of a text can see.

pub mod system_tables;

use crate::limits::{
    INSERT_BLOCK_BYTES, PARSER_DEPTH, READER_BLOCK_ROWS, READER_MEMORY, READER_NODES, READER_SECONDS,
    READER_SUBQUERIES,
};
use std::io;
use std::path::PathBuf;

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
        std::fs::create_dir_all(self.engine())?;
        std::fs::write(self.data.join("config.xml"), self.config())?;
        std::fs::write(self.data.join("users.xml"), self.users())
    }

    /// The engine's folder: to be the process's own before the engine starts.
    pub fn engine(&self) -> PathBuf {
        self.data.join("engine")
    }

    /// What every connection is opened with. The path stands here and nowhere else: in the file it would win silently. It is
    /// the engine's folder, which the process has entered ([`Layout::engine`]), so that no table of the engine tells where it
    /// lies. (Any other relative path the engine joins with itself where it synchronises a part's folder.)
    pub fn arguments() -> Vec<String> {
        vec!["--path=.".into(), "--config-file=../config.xml".into(), "--session_timezone=UTC".into()]
    }

    /// What bounds a statement without password. None of these is a setting that its caller may name, or they may only lower it.
    ///
    /// Values are no expressions for them: `format(Values, …)` would run a statement that stands in a string, where nobody
    /// has checked it.
    pub fn reader_arguments(&self, readers: usize) -> Vec<String> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        vec![
            format!("--max_execution_time={READER_SECONDS}"),
            format!("--max_memory_usage={}", reader_memory(self.max_memory, readers)),
            format!("--max_threads={}", (cores / 4).max(1)),
            format!("--max_block_size={READER_BLOCK_ROWS}"),
            format!("--max_subquery_depth={READER_SUBQUERIES}"),
            format!("--max_expanded_ast_elements={READER_NODES}"),
            "--input_format_values_interpret_expressions=0".into(),
            "--input_format_values_deduce_templates_of_expressions=0".into(),
        ]
    }

    /// What a connection for callers without the password begins with.
    pub fn prepare_reader() -> Vec<String> {
        vec!["SET ROLE reader".into()]
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
             \x20 <users_config>../users.xml</users_config>\n\
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
            memory = self.max_memory,
            marks = (self.max_memory / 16).min(512 << 20),
        )
    }

    fn users(&self) -> String {
        let policies = system_tables::OWNERS.split(' ').fold(String::new(), |text, table| {
            text + &format!("        <{table}><filter>has(currentRoles(), 'owner')</filter></{table}>\n")
        });
        format!(
            "<!-- Written at each start. The engine's one user: who may use which role is decided before it is asked. -->\n\
             <clickhouse>\n\
             \x20 <profiles><default>\n\
             \x20   <implicit_select>0</implicit_select>\n\
             \x20   <async_insert>0</async_insert>\n\
             \x20   <max_insert_block_size_bytes>{INSERT_BLOCK_BYTES}</max_insert_block_size_bytes>\n\
             \x20   <max_parser_depth>{PARSER_DEPTH}</max_parser_depth>\n\
             \x20   <constraints><max_parser_depth><min>1</min><max>{PARSER_DEPTH}</max></max_parser_depth></constraints>\n\
             \x20 </default></profiles>\n\
             \x20 <quotas><default/></quotas>\n\
             \x20 <roles>\n\
             \x20   <owner><grants>\n{owner}    </grants></owner>\n\
             \x20   <reader><grants>\n{reader}    </grants></reader>\n\
             \x20 </roles>\n\
             \x20 <users>\n\
             \x20   <default>\n\
             \x20     <password></password>\n\
             \x20     <networks><ip>::/0</ip></networks>\n\
             \x20     <profile>default</profile>\n\
             \x20     <quota>default</quota>\n\
             \x20     <grants>\n{roles}      </grants>\n\
             \x20     <databases><system>\n{policies}      </system></databases>\n\
             \x20   </default>\n\
             \x20 </users>\n\
             </clickhouse>\n",
            owner = queries(&self.owner_grants()),
            reader = queries(&self.reader_grants()),
            roles = queries(&["owner".to_owned(), "reader".to_owned()]),
        )
    }

    fn owner_grants(&self) -> Vec<String> {
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
        grants
    }

    /// The one database, and tables in memory that a request brings along.
    fn reader_grants(&self) -> Vec<String> {
        vec![
            format!("SHOW, SELECT ON {}.*", self.database),
            "SHOW DATABASES ON default.*".to_owned(),
            "SELECT ON INFORMATION_SCHEMA.*".to_owned(),
            "SELECT ON information_schema.*".to_owned(),
            "CREATE TEMPORARY TABLE ON *.*".to_owned(),
            "TABLE ENGINE ON Memory".to_owned(),
        ]
    }
}

/// Bytes that a statement without password may take: all of them together half of what statements may take, each enough to
/// read with.
fn reader_memory(max_memory: u64, readers: usize) -> u64 {
    (max_memory / 2 / readers as u64).max(READER_MEMORY).min(max_memory / 2)
}

fn queries(grants: &[String]) -> String {
    grants.iter().fold(String::new(), |text, grant| text + "        <query>GRANT " + grant + "</query>\n")
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

#[cfg(test)]
mod the_layout {
    use super::*;

    fn layout() -> Layout {
        let macros = vec![("shard".into(), "1".into())];
        Layout { data: "/d/a&b".into(), database: "footfall".into(), max_memory: 4 << 30, macros }
    }

    #[test]
    fn names_the_path_once_and_says_nowhere_where_it_is() {
        assert!(!layout().config().contains("<path>"));
        assert_eq!(Layout::arguments()[0], "--path=.");
        assert!(layout().config().contains("<users_config>../users.xml</users_config>"));
        for text in [layout().config(), layout().users(), Layout::arguments().concat()] {
            assert!(!text.contains("/d/a"), "{text}");
        }
    }

    #[test]
    fn gives_a_reader_one_database_and_a_bounded_share() {
        let grants = layout().reader_grants().join("\n");
        assert!(grants.contains("ON footfall.*") && !grants.contains("footfall*"), "{grants}");
        for more in ["INSERT", "ALTER", "DROP", "KILL", "ON system", "OPTIMIZE", "TRUNCATE"] {
            assert!(!grants.contains(more), "{more}");
        }
        assert_eq!(reader_memory(32 << 30, 8), 2 << 30);
        assert_eq!(reader_memory(1 << 30, 8), READER_MEMORY);
        assert_eq!(reader_memory(256 << 20, 8), 128 << 20);
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
