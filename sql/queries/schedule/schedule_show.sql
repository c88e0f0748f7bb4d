-- All of one schedule. $1 text: its name. No row: there is no such schedule.
SELECT s.name, s.handler, s.args, to_json(s.specs) AS specs, to_json(s.exclude) AS exclude, s.tz, s.queue, s.priority, s.tenant, s.notes, s.enabled, s.catchup,
       s.catchup_window, s.overlap, s.jitter, s.start_at, s.end_at,
       s.every_weeks, s.anchor, s.max_runs, s.runs, s.pause_after_failures, s.source, s.retired_at, s.paused, s.paused_reason, s.paused_by, s.paused_at,
       s.last_tick, s.next_tick, s.missed, s.problem, s.created_at, s.updated_at
  FROM drumbeat.schedule s WHERE s.name = $1
