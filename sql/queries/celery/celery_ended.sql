-- Messages of a worker whose tasks have ended. No row: there are none.
-- $1 worker uuid, $2 how many at most
SELECT task_id, external_id, queue, tag, embed, name, status, result, error, outcome, attempt, started_at, ended_at
  FROM drumbeat.celery_ended($1::uuid, $2::int)
