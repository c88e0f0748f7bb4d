-- How many messages a worker holds, and which of the queues given are paused: a row each, and one at least.
-- $1 worker uuid, $2 text[] queues
SELECT (SELECT count(*) FROM drumbeat.celery_message m WHERE m.worker = $1::uuid AND m.tag IS NOT NULL), p.name
  FROM (VALUES (1)) one(n) LEFT JOIN (SELECT q.name FROM drumbeat.queue_state q WHERE q.name = ANY ($2::text[]) AND q.paused) p ON true
