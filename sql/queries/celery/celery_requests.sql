-- What this worker has of tasks, for remote control, at most 1,000 of each kind. A row each.
-- $1 worker uuid
SELECT 'active' AS kind, coalesce(b.external_id, b.id::text) AS id, b.name, b.args::text AS args, b.queue, b.priority::int AS priority, r.started_at, NULL::timestamptz AS run_at, r.pid
  FROM (SELECT * FROM drumbeat.running x WHERE x.worker = $1::uuid AND x.started_at IS NOT NULL LIMIT 1000) r JOIN drumbeat.task_body b ON b.id = r.task_id
UNION ALL
SELECT CASE WHEN d.task_id IS NULL THEN 'reserved' ELSE 'scheduled' END, m.external_id, b.name, b.args::text, b.queue, b.priority::int, NULL, d.run_at, NULL
  FROM (SELECT * FROM drumbeat.celery_message x WHERE x.worker = $1::uuid
           AND NOT EXISTS (SELECT FROM drumbeat.ended e WHERE e.task_id = x.task_id)
           AND NOT EXISTS (SELECT FROM drumbeat.sent s WHERE s.task_id = x.task_id)
           AND NOT EXISTS (SELECT FROM drumbeat.running r WHERE r.task_id = x.task_id AND r.started_at IS NOT NULL) LIMIT 1000) m
  JOIN drumbeat.task_body b ON b.id = m.task_id
  LEFT JOIN drumbeat.delayed d ON d.task_id = m.task_id
