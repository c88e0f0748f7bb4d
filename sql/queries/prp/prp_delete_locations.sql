-- Delete those of the locations $1 bigint[] that are there and write them down in the row of task $2 uuid. One row: how many.
WITH gone AS (
    DELETE FROM registry.location WHERE id = ANY ($1::bigint[]) RETURNING id
), logged AS (
    UPDATE registry.bulk_action_log
       SET affected_ids = affected_ids || (SELECT coalesce(jsonb_agg(id ORDER BY id), '[]') FROM gone),
           affected_count = affected_count + (SELECT count(*) FROM gone)
     WHERE task_id = $2::uuid AND EXISTS (SELECT FROM gone)
)
SELECT count(*) AS deleted FROM gone
