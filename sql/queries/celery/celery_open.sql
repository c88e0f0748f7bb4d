-- Which of the queues given are paused, and how many messages a worker holds: a row each, and one at least.
-- $1 worker uuid, $2 text[] queues, $3 boolean whether to count (else NULL)
SELECT CASE WHEN $3::boolean THEN (SELECT count(*) FROM drumbeat.celery_message m WHERE m.worker = $1::uuid AND m.tag IS NOT NULL) END, p.name
  FROM (VALUES (1)) one(n) LEFT JOIN (SELECT q.name FROM drumbeat.queue_state q WHERE q.name = ANY ($2::text[]) AND q.paused) p ON true
