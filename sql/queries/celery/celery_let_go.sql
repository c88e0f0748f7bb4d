-- These messages are not held any more. One row: how many of their tasks wait, so that they are watched from now on; run here; run elsewhere.
-- $1 text[] tags, $2 worker uuid
SELECT waiting, running, elsewhere FROM drumbeat.celery_let_go($1::text[], $2::uuid)
