//! Two event stores on one machine, as two shards are.

use crate::server::Folder;

#[test]
fn two_keep_their_tables_and_their_names_apart() {
    let start = |shard: &str| {
        Folder::new().start_with(&["--macro", &format!("shard={shard}"), "--macro", "replica=a-1"])
    };
    let shards = [start("0"), start("1")];
    assert_ne!(shards[0].url, shards[1].url);
    for (shard, server) in shards.iter().enumerate() {
        server.run("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
        server.run(&format!("INSERT INTO t SELECT number FROM numbers({})", (shard + 1) * 10));
        assert_eq!(server.run("SELECT getMacro('shard'), getMacro('replica')"), format!("{shard}\ta-1\n"));
    }
    let [first, second] = shards;
    assert_eq!(
        (first.run("SELECT count() FROM t"), second.run("SELECT count() FROM t")),
        ("10\n".into(), "20\n".into())
    );
    // One of them dies and comes back; the other does not notice.
    let folder = first.killed();
    assert_eq!(second.run("SELECT count() FROM t"), "20\n");
    let first = folder.start();
    assert_eq!(first.run("SELECT count(), getMacro('shard') FROM t"), "10\t0\n");
}
