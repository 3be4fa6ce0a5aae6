-- Once nothing groups rows behind an insert, what they cost is files and merges: a part of every column
-- in files of its own is several hundred of them, and a merge whose parts lie interleaved handles
-- each value alone.
--
-- So parts become wide (a file a column) only when merging has made them big; more parts are merged
-- at a time, which makes fewer merges of the same rows; and flows_10s, where a key hardly ever comes
-- twice, is a plain MergeTree in the order in which rows come: a partition's ranges hold other nodes or
-- other times than the next one's. Rows of before are copied, in this migration, however often it is
-- cut off: what is in flows_10s_next is a copy not finished yet, or one not needed any more.

ALTER TABLE flows_1m MODIFY SETTING min_bytes_for_wide_part = 100000000, merge_selector_base = 16;
ALTER TABLE flows_1h MODIFY SETTING min_bytes_for_wide_part = 100000000, merge_selector_base = 16;

DROP VIEW IF EXISTS flows_10s_to_agents;

DROP TABLE IF EXISTS flows_10s_next;

CREATE TABLE flows_10s_next AS flows_10s
ENGINE = MergeTree
PARTITION BY toDate(window)
PRIMARY KEY (cluster, window, node, reporter, client_namespace, client_workload)
ORDER BY (
    cluster, window, node, reporter, client_namespace, client_workload, client_pod,
    server_namespace, server_workload, server_pod
)
TTL window + INTERVAL 3 DAY DELETE
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 100000000, merge_selector_base = 16
COMMENT 'What each node reported of each conversation, per 10 s window';

INSERT INTO flows_10s_next SELECT * FROM flows_10s;

EXCHANGE TABLES flows_10s AND flows_10s_next;

DROP TABLE flows_10s_next;

CREATE MATERIALIZED VIEW flows_10s_to_agents TO agents AS
SELECT DISTINCT cluster, node, toStartOfHour(window) AS hour FROM flows_10s;
