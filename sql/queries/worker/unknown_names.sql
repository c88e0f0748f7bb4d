-- Names of waiting tasks that no living worker has a handler for. A row each, at most 100.
SELECT DISTINCT r.name FROM (SELECT name FROM drumbeat.ready ORDER BY queue, priority, flow, seq LIMIT 1000) r
 WHERE NOT EXISTS (SELECT FROM drumbeat.worker w WHERE r.name = ANY (w.names)) LIMIT 100
