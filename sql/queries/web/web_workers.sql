-- The workers. One row: how many are alive, drain, fell silent (their lease is over and nobody took their tasks yet); the seats of the
-- living and how many of those hold tasks.
WITH worker AS MATERIALIZED (
    SELECT w.id, w.pool, w.draining, w.seen_at + w.lease > clock_timestamp() AS alive FROM drumbeat.worker w
)
SELECT count(*) FILTER (WHERE alive), count(*) FILTER (WHERE alive AND draining), count(*) FILTER (WHERE NOT alive),
       coalesce(sum(pool) FILTER (WHERE alive), 0)::bigint,
       (SELECT count(*) FROM worker w JOIN drumbeat.seat s ON s.worker = w.id
         WHERE w.alive AND EXISTS (SELECT FROM drumbeat.running r WHERE r.worker = s.worker AND r.seat = s.seat))
  FROM worker
