-- The tags of all messages that are held in Redis, whoever claimed them: a row each.
-- $1 text[] queues
SELECT m.tag FROM drumbeat.celery_message m WHERE m.tag IS NOT NULL AND m.queue = ANY ($1::text[])
