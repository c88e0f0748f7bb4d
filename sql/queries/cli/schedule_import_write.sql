-- $1 jsonb: schedules to import, an array of objects. Inserts those without a problem, changes those that differ, leaves those of the configuration file
-- alone. What an import does not know (exclude, catchup, overlap, jitter, pauses) stays as it is.
INSERT INTO drumbeat.schedule AS s (name, handler, args, specs, tz, queue, priority, enabled, start_at, end_at, max_runs, source)
SELECT w.name, w.handler, w.args, ARRAY[w.spec], w.tz, w.queue, w.priority, w.enabled, w.start_at, w.end_at, w.max_runs, 'sql'
  FROM jsonb_to_recordset($1::jsonb) AS w(name text, handler text, args jsonb, spec text, tz text, queue text, priority int, enabled boolean,
                                          start_at timestamptz, end_at timestamptz, max_runs bigint, problem text)
 WHERE w.problem IS NULL
 ORDER BY w.name
ON CONFLICT (name) DO UPDATE
   SET handler = EXCLUDED.handler, args = EXCLUDED.args, specs = EXCLUDED.specs, tz = EXCLUDED.tz, queue = EXCLUDED.queue, priority = EXCLUDED.priority,
       enabled = EXCLUDED.enabled, start_at = EXCLUDED.start_at, end_at = EXCLUDED.end_at, max_runs = EXCLUDED.max_runs
 WHERE s.source = 'sql'
   AND (s.handler, s.args, s.specs, s.tz, s.queue, s.priority, s.enabled, s.start_at, s.end_at, s.max_runs) IS DISTINCT FROM
       (EXCLUDED.handler, EXCLUDED.args, EXCLUDED.specs, EXCLUDED.tz, EXCLUDED.queue, EXCLUDED.priority, EXCLUDED.enabled, EXCLUDED.start_at, EXCLUDED.end_at,
        EXCLUDED.max_runs)
