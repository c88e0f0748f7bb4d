-- Forget what was told, and the messages whose tasks have ended.
-- $1 uuid[] tasks, $2 text[] what
SELECT drumbeat.celery_told_news($1::uuid[], $2::text[])
