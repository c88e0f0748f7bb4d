-- The row of bulk_action_log of task $1 uuid for user $2 bigint (NULL: nobody), made once. One row: how many are gone already.
WITH made AS (
    INSERT INTO registry.bulk_action_log (user_id, model_name, app_label, task_id) VALUES ($2::bigint, 'location', 'core', $1::uuid)
    ON CONFLICT (task_id) DO NOTHING
    RETURNING affected_count
)
SELECT affected_count FROM made
UNION ALL
SELECT affected_count FROM registry.bulk_action_log WHERE task_id = $1::uuid
LIMIT 1
