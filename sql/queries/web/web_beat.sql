-- Who emits and how far it is. One row: whether a beat leads, the schedules that fire, when the last tick was for (timestamptz or NULL),
-- and the schedule whose tick is latest: its name (NULL: none is late) and by how many seconds, jitter allowed for.
SELECT coalesce((SELECT l.until > clock_timestamp() FROM drumbeat.beat_lease l WHERE l.holder IS NOT NULL), false) AS leads,
       (SELECT count(*) FROM drumbeat.schedule s WHERE s.enabled AND NOT s.paused) AS schedules,
       (SELECT max(s.last_tick) FROM drumbeat.schedule s) AS last_tick,
       late.name, coalesce(late.seconds, 0)::float8 AS seconds
  FROM (VALUES (1)) one
  LEFT JOIN LATERAL (
      SELECT s.name, extract(epoch FROM clock_timestamp() - (s.next_tick + s.jitter)) AS seconds
        FROM drumbeat.schedule s WHERE s.enabled AND NOT s.paused AND s.next_tick + s.jitter < clock_timestamp()
       ORDER BY s.next_tick + s.jitter LIMIT 1) late ON true
