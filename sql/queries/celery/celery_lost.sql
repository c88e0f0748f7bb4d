-- Redis has lost these messages. One row: how many of them are sent again, or run here.
-- $1 text[] ids, $2 bigint[] their places
SELECT drumbeat.celery_lost($1::text[], $2::bigint[])
