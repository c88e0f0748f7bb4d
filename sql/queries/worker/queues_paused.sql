-- Which of these queues are paused.
-- $1 text[] names
SELECT q.name FROM drumbeat.queue_state q WHERE q.paused AND q.name = ANY ($1::text[])
