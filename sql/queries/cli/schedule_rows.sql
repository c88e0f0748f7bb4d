-- $1 text name, NULL: all. The schedules by name; no row: there is none.
SELECT name, handler, array_to_string(specs, '; ') AS spec, coalesce(tz, 'UTC') AS zone, enabled, last_tick, next_tick, args::text AS args,
       to_json(specs)::text AS specs, tz, to_json(exclude)::text AS exclude, queue, priority, tenant, catchup,
       extract(epoch FROM catchup_window)::bigint AS catchup_window, overlap, extract(epoch FROM jitter)::bigint AS jitter, start_at, end_at, source,
       created_at, updated_at
  FROM drumbeat.schedule WHERE $1::text IS NULL OR name = $1::text ORDER BY name
