-- $1 text queue: forget its tasks and what is known of them. Each table looks up the tasks for itself: what the server believes about the size
-- of tables that were just filled is wrong, and a list of its own making would be read once for every row.
WITH ready AS (DELETE FROM drumbeat.ready r WHERE r.queue = $1::text),
     running AS (DELETE FROM drumbeat.running r WHERE r.task_id IN (SELECT b.id FROM drumbeat.task_body b WHERE b.queue = $1::text)),
     ended AS (DELETE FROM drumbeat.ended e WHERE e.task_id IN (SELECT b.id FROM drumbeat.task_body b WHERE b.queue = $1::text)),
     attempts AS (DELETE FROM drumbeat.past_attempt a WHERE a.task_id IN (SELECT b.id FROM drumbeat.task_body b WHERE b.queue = $1::text))
DELETE FROM drumbeat.task_body b WHERE b.queue = $1::text
