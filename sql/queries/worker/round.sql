-- The keeper's view of the store. One row: the last sequence number given out, then (in this order) the number the next transaction
-- gets, the lowest transaction still open, microseconds until the next delayed task (NULL: none), the server's clock, whether
-- batches wait to be decided.
SELECT (SELECT last_value FROM drumbeat.ready_seq), pg_snapshot_xmax(s)::text::bigint, pg_snapshot_xmin(s)::text::bigint,
       (extract(epoch FROM (SELECT min(run_at) FROM drumbeat.delayed) - clock_timestamp()) * 1000000)::bigint, clock_timestamp(),
       EXISTS (SELECT FROM drumbeat.batch_due) OR EXISTS (SELECT FROM drumbeat.batch_cancel)
  FROM pg_current_snapshot() s
