-- Say whether new tasks should ring for this worker. One row: this transaction's number, to know when every transaction that
-- may have read the old value is over.
-- $1 worker uuid, $2 waiting
WITH said AS (UPDATE drumbeat.worker SET waiting = $2::boolean WHERE id = $1::uuid)
SELECT pg_current_xact_id()::text::bigint
