-- Forget messages whose results are out and that are acknowledged.
-- $1 uuid[] tasks
DELETE FROM drumbeat.celery_message m WHERE m.task_id = ANY ($1::uuid[])
