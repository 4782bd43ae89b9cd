-- On a cluster, people read all shards through one table, and so does the view. On a single node nothing changes.

{{cluster_only}}CREATE TABLE IF NOT EXISTS events_distributed{{on_cluster}} AS events_local
ENGINE = {{distributed:events_local}};

{{cluster_only}}CREATE OR REPLACE VIEW events{{on_cluster}} AS SELECT * FROM {{events}};
