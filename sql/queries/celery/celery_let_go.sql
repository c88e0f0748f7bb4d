-- Others hold these messages again. One row: how many of the tasks wait, so that they are theirs now, and how many run here.
-- $1 text[] tags
SELECT waiting, running FROM drumbeat.celery_let_go($1::text[])
