-- What the result backend has not been told yet of tasks that run.
-- $1 worker uuid, $2 boolean also that a task has started, $3 how many at most
SELECT task_id, external_id, embed, told, value, total, message, pid, host, started_at, new FROM drumbeat.celery_progress($1::uuid, $2::boolean, $3::int)
