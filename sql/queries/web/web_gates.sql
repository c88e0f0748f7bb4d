-- The limits over all workers and what holds them. A row each, at most $1 (bigint): kind, name, slots (NULL: any number), slots in use, tasks
-- that wait for one, starts a second (NULL: any number), tasks that wait for a token, seconds until the next token. The keys of a handler
-- (kind keys) are one row, whose slots are those of each key; keys of which nothing is said are one row without a name. Uses and tasks are counted
-- up to 10000.
WITH RECURSIVE loose(gate) AS (
    (SELECT gate FROM drumbeat.slot WHERE gate >= 'key ' ORDER BY gate LIMIT 1)
    UNION ALL
    SELECT n.gate FROM loose CROSS JOIN LATERAL (SELECT s.gate FROM drumbeat.slot s WHERE s.gate > loose.gate ORDER BY s.gate LIMIT 1) n
), waits(gate) AS (
    (SELECT gate FROM drumbeat.gated WHERE gate >= 'key ' ORDER BY gate LIMIT 1)
    UNION ALL
    SELECT n.gate FROM waits CROSS JOIN LATERAL (SELECT g.gate FROM drumbeat.gated g WHERE g.gate > waits.gate ORDER BY g.gate LIMIT 1) n
), gate AS MATERIALIZED (
    SELECT g.gate, CASE WHEN starts_with(g.gate, 'rate ') THEN substr(g.gate, 6) ELSE g.gate END AS thing, starts_with(g.gate, 'rate ') AS is_rate
      FROM (SELECT gate FROM (SELECT gate FROM loose LIMIT 2000) l UNION SELECT gate FROM (SELECT gate FROM waits LIMIT 2000) w) g
     WHERE g.gate ~ '^(rate )?(key|handler|queue) '
), held AS MATERIALIZED (
    SELECT g.is_rate, of.kind, of.name,
           sum((SELECT count(*) FROM (SELECT FROM drumbeat.slot s WHERE s.gate = g.gate LIMIT 10000) s))::float8 AS used,
           sum((SELECT count(*) FROM (SELECT FROM drumbeat.gated w WHERE w.gate = g.gate LIMIT 10000) w))::float8 AS waiting
      FROM gate g
     CROSS JOIN LATERAL (SELECT split_part(g.thing, ' ', 1) AS kind, substr(g.thing, strpos(g.thing, ' ') + 1) AS name) t
      LEFT JOIN LATERAL (
          SELECT r.kind, r.name FROM drumbeat.limit_rule r
           WHERE (r.kind = t.kind AND r.name = t.name) OR (t.kind = 'key' AND r.kind = 'keys' AND starts_with(t.name, r.name || '/'))
           ORDER BY r.kind = 'keys', length(r.name) DESC LIMIT 1) r ON true
     CROSS JOIN LATERAL (SELECT coalesce(r.kind, t.kind) AS kind, coalesce(r.name, CASE WHEN t.kind = 'key' THEN '' ELSE t.name END) AS name) of
     GROUP BY g.is_rate, of.kind, of.name
), every AS (
    SELECT r.kind, r.name, r.slots, r.step FROM drumbeat.limit_rule r WHERE NOT (r.kind = 'keys' AND r.slots >= 1000000000 AND r.step IS NULL)
    UNION ALL
    SELECT DISTINCT 'key', '', 1, NULL::interval FROM held h WHERE h.kind = 'key' AND h.name = ''
)
SELECT e.kind, e.name, e.slots::float8, coalesce(h.used, 0), coalesce(h.waiting, 0), 1 / extract(epoch FROM e.step)::float8,
       coalesce(t.waiting, 0),
       CASE WHEN e.step IS NOT NULL
            THEN greatest(0, extract(epoch FROM (SELECT b.free_at FROM drumbeat.bucket b WHERE b.gate = 'rate ' || e.kind || ' ' || e.name) - clock_timestamp()))::float8 END
  FROM every e
  LEFT JOIN held h ON h.kind = e.kind AND h.name = e.name AND NOT h.is_rate
  LEFT JOIN held t ON t.kind = e.kind AND t.name = e.name AND t.is_rate
 ORDER BY e.kind COLLATE "C" DESC, e.name LIMIT $1::bigint
