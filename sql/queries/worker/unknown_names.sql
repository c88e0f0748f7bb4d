-- Names of waiting tasks that no worker has a handler for: of each queue and priority the first 500 tasks are looked at, and those that a limit
-- put aside because nobody could run them. A row each, at most 100.
WITH RECURSIVE lane(queue, priority) AS (
    (SELECT queue, priority FROM drumbeat.ready ORDER BY queue, priority LIMIT 1)
    UNION ALL
    SELECT n.queue, n.priority FROM lane l CROSS JOIN LATERAL (
        SELECT r.queue, r.priority FROM drumbeat.ready r WHERE (r.queue, r.priority) > (l.queue, l.priority) ORDER BY r.queue, r.priority LIMIT 1) n
), aside(gate) AS (
    (SELECT gate FROM drumbeat.gated WHERE gate > 'nobody ' AND gate < 'nobody!' ORDER BY gate LIMIT 1)
    UNION ALL
    SELECT n.gate FROM aside a CROSS JOIN LATERAL (SELECT g.gate FROM drumbeat.gated g WHERE g.gate > a.gate AND g.gate < 'nobody!' ORDER BY g.gate LIMIT 1) n
)
SELECT DISTINCT t.name
  FROM (SELECT f.name FROM (SELECT * FROM lane LIMIT 300) l
         CROSS JOIN LATERAL (SELECT r.name FROM drumbeat.ready r WHERE r.queue = l.queue AND r.priority = l.priority ORDER BY r.flow, r.seq LIMIT 500) f
        UNION ALL
        SELECT split_part(a.gate, ' ', 3) FROM (SELECT * FROM aside LIMIT 300) a) t
 WHERE NOT EXISTS (SELECT FROM drumbeat.worker w WHERE t.name = ANY (w.names)) LIMIT 100
