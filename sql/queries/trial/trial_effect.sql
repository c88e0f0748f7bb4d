-- The effect of the trial handler `effect`.
-- $1 task id, $2 attempt, $3 key
INSERT INTO drumbeat.trial_effect (task_id, attempt, key) VALUES ($1::uuid, $2::int, $3::text)
