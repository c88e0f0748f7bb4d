-- Revoke messages by their ids. Those that run are left alone unless they are to be ended; those that this side sent and is cancelling already
-- are known. One row: how many were known.
-- $1 text[] ids, $2 boolean also those that run
SELECT drumbeat.celery_revoke(coalesce(array_agg(i.id), '{}'))
  FROM (SELECT t.id, drumbeat.celery_task(t.id) AS task FROM unnest($1::text[]) t(id) WHERE length(t.id) BETWEEN 1 AND 255) i
 WHERE ($2::boolean OR NOT EXISTS (SELECT FROM drumbeat.running r WHERE r.task_id = i.task))
   AND NOT EXISTS (SELECT FROM drumbeat.sent s JOIN drumbeat.cancel_request c ON c.task_id = s.task_id WHERE s.task_id = i.task)
