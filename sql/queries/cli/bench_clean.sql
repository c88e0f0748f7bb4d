-- $1 text queue: forget its tasks and what is known of them.
WITH tasks AS MATERIALIZED (SELECT id FROM drumbeat.task_body WHERE queue = $1::text),
     ready AS (DELETE FROM drumbeat.ready r WHERE r.queue = $1::text),
     running AS (DELETE FROM drumbeat.running r USING tasks t WHERE r.task_id = t.id),
     ended AS (DELETE FROM drumbeat.ended e USING tasks t WHERE e.task_id = t.id),
     attempts AS (DELETE FROM drumbeat.past_attempt a USING tasks t WHERE a.task_id = t.id)
DELETE FROM drumbeat.task_body b USING tasks t WHERE b.id = t.id
