-- Who emits and how far it is. One row: whether a beat leads; the schedules that fire; how many of them are overdue by more than a
-- second; the latest moment that a tick was for (timestamptz or NULL) and how late that tick was emitted, in seconds (NULL: none, or
-- long ago); the schedule that is most overdue: its name (NULL: none is) and by how many seconds; and for how many seconds the beat
-- that leads has run, as its id tells (NULL: none leads). Overdue allows for jitter.
SELECT lease.holder IS NOT NULL AS leads, every.schedules, every.overdue, last.tick, last.late,
       late.name, coalesce(late.seconds, 0)::float8 AS seconds,
       CASE WHEN lease.holder IS NOT NULL
            THEN greatest(0, extract(epoch FROM clock_timestamp()) - ('x' || left(replace(lease.holder::text, '-', ''), 12))::bit(48)::bigint / 1000.0)
       END::float8 AS age
  FROM (SELECT count(*) AS schedules, count(*) FILTER (WHERE s.next_tick + s.jitter < clock_timestamp() - interval '1 second') AS overdue
          FROM drumbeat.schedule s WHERE s.enabled AND NOT s.paused) every
  LEFT JOIN drumbeat.beat_lease lease ON lease.until > clock_timestamp()
  LEFT JOIN LATERAL (
      SELECT s.last_tick AS tick,
             (SELECT t.lateness_ms / 1000.0 FROM drumbeat.tick t WHERE t.schedule = s.name AND t.tick_at = s.last_tick)::float8 AS late
        FROM drumbeat.schedule s WHERE s.last_tick IS NOT NULL ORDER BY s.last_tick DESC LIMIT 1) last ON true
  LEFT JOIN LATERAL (
      SELECT s.name, extract(epoch FROM clock_timestamp() - (s.next_tick + s.jitter)) AS seconds
        FROM drumbeat.schedule s WHERE s.enabled AND NOT s.paused AND s.next_tick + s.jitter < clock_timestamp()
       ORDER BY s.next_tick + s.jitter LIMIT 1) late ON true
