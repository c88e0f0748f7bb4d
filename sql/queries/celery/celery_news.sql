-- What the result backend has to be told of a worker's messages, behind a place. No row: nothing.
-- $1 worker uuid, $2 bigint the place, $3 how many at most
SELECT task_id, what, external_id, queue, tag, embed, error, outcome, status, result, started_at, ended_at, ran_at, told, seq
  FROM drumbeat.celery_read_news($1::uuid, $2::bigint, $3::int)
