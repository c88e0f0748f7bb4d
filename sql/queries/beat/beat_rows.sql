-- The schedules named $1 (text[]), a row each. One that was deleted is not active.
SELECT n.name, r.revision, coalesce(r.active, false), r.specs, r.exclude, r.tz, r.catchup, r.catchup_window, r.jitter, r.start_at, r.end_at, r.mark, r.next_tick,
       r.every_weeks, r.anchor_day
  FROM unnest($1::text[]) n(name) LEFT JOIN drumbeat.schedule_rule r ON r.name = n.name
