-- How many messages of a worker have not come to their end, and which of the queues given are paused. One row.
-- $1 worker uuid, $2 text[] queues
SELECT (SELECT count(*) FROM drumbeat.celery_message m WHERE m.worker = $1::uuid AND NOT EXISTS (SELECT FROM drumbeat.delayed d WHERE d.task_id = m.task_id)),
       (SELECT string_agg(q.name, ' ') FROM drumbeat.queue_state q WHERE q.name = ANY ($2::text[]) AND q.paused)
