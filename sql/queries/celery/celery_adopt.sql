-- Take over what workers that are gone held, and forget revokes that are too old to matter. One row: how many messages.
-- $1 worker uuid, $2 interval
SELECT drumbeat.celery_adopt($1::uuid) FROM (SELECT drumbeat.celery_forget($2::interval)) f
