-- The queues that something names, and $1 (text) when a task was ever put into it. That somebody paused a queue is no sign that there is one.
SELECT 'default' AS name
UNION SELECT h.queue FROM drumbeat.handler h
UNION SELECT s.queue FROM drumbeat.schedule s WHERE s.queue IS NOT NULL
UNION SELECT unnest(w.queues) FROM drumbeat.worker w
UNION SELECT l.name FROM drumbeat.limit_rule l WHERE l.kind = 'queue'
UNION SELECT q.name FROM drumbeat.queue_state q WHERE (q.broker, q.protocol, q.rows) <> ('postgres', 'native', 'full')
UNION SELECT l.queue FROM drumbeat.lane l
UNION SELECT $1::text WHERE EXISTS (SELECT FROM drumbeat.task_body b WHERE b.queue = $1::text)
