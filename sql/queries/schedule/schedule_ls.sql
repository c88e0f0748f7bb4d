-- All schedules with how their last task stands. $1 bool: those no longer in the file too. No row: there are none.
SELECT s.name, s.handler, array_to_string(s.specs, ' | ') AS specs, s.tz, s.enabled, s.paused, s.catchup, s.overlap, s.last_tick, s.next_tick,
       t.task_id AS last_task, k.status AS last_status, t.lateness_ms AS last_lateness_ms, s.missed, s.source, s.problem
  FROM drumbeat.schedule s
  LEFT JOIN LATERAL (SELECT * FROM drumbeat.tick t WHERE t.schedule = s.name ORDER BY t.tick_at DESC LIMIT 1) t ON true
  LEFT JOIN drumbeat.task k ON k.id = t.task_id
 WHERE $1 OR s.retired_at IS NULL
 ORDER BY s.name
