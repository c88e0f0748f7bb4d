-- Remember what the result backend was told.
-- $1 uuid[] tasks, $2 text[] what
UPDATE drumbeat.celery_message m SET told = t.told FROM unnest($1::uuid[], $2::text[]) t(task_id, told) WHERE m.task_id = t.task_id
