-- All schedules with how their last task stands: the columns of a table, then the others of schedule_show. $1 bool: those no longer in the
-- file too. No row: there are none.
SELECT s.name, array_to_string(s.specs, ' | ') AS spec, s.tz, s.enabled, s.paused, s.last_tick, s.next_tick, t.task_id AS last_task,
       k.status AS last_status, t.lateness_ms AS last_lateness_ms, s.problem, s.handler, s.args, to_json(s.specs) AS specs, to_json(s.exclude) AS exclude,
       s.queue, s.priority, s.tenant, s.notes, s.catchup, s.catchup_window, s.overlap, s.jitter, s.start_at, s.end_at, s.every_weeks, s.anchor, s.max_runs,
       s.runs, s.pause_after_failures, s.source, s.retired_at, s.paused_reason, s.paused_by, s.paused_at, s.missed, s.created_at, s.updated_at
  FROM drumbeat.schedule s
  LEFT JOIN LATERAL (SELECT * FROM drumbeat.tick t WHERE t.schedule = s.name ORDER BY t.tick_at DESC LIMIT 1) t ON true
  LEFT JOIN drumbeat.task k ON k.id = t.task_id
 WHERE $1 OR s.retired_at IS NULL
 ORDER BY s.name
