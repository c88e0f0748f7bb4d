-- $1 jsonb: schedules to import, an array of objects. What schedule_import_write does with each, in their order: those with a problem and
-- those of a name that the configuration file has are skipped. No row: the array is empty.
SELECT CASE WHEN w.problem IS NOT NULL OR s.source = 'file' THEN 'skipped' WHEN s.name IS NULL THEN 'imported'
            WHEN d.columns = '' THEN 'unchanged' ELSE 'changed' END AS outcome,
       w.periodic_task, w.task, w.name, w.handler, w.args, w.spec, to_json(ARRAY[w.spec]) AS specs, w.tz, w.queue, w.priority, w.enabled, w.start_at, w.end_at, w.max_runs,
       nullif(concat_ws('; ', CASE WHEN w.problem IS NOT NULL THEN w.problem
                                   WHEN s.source = 'file' THEN 'the configuration file has a schedule of this name'
                                   WHEN s.name IS NOT NULL AND d.columns <> '' THEN d.columns || ' differed' END, w.note), '') AS note
  FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (periodic_task text, task text, name text, handler text, args jsonb, spec text, tz text,
                  queue text, priority int, enabled boolean, start_at timestamptz, end_at timestamptz, max_runs bigint,
                  problem text, note text))
       WITH ORDINALITY w(periodic_task, task, name, handler, args, spec, tz, queue, priority, enabled, start_at, end_at, max_runs, problem, note, place)
  LEFT JOIN drumbeat.schedule s ON s.name = w.name
 CROSS JOIN LATERAL (
       SELECT concat_ws(', ', CASE WHEN s.handler IS DISTINCT FROM w.handler THEN 'handler' END, CASE WHEN s.args IS DISTINCT FROM w.args THEN 'args' END,
                        CASE WHEN s.specs IS DISTINCT FROM ARRAY[w.spec] THEN 'specs' END, CASE WHEN s.tz IS DISTINCT FROM w.tz THEN 'tz' END,
                        CASE WHEN s.queue IS DISTINCT FROM w.queue THEN 'queue' END, CASE WHEN s.priority IS DISTINCT FROM w.priority THEN 'priority' END,
                        CASE WHEN s.enabled IS DISTINCT FROM w.enabled THEN 'enabled' END,
                        CASE WHEN s.start_at IS DISTINCT FROM w.start_at THEN 'start_at' END, CASE WHEN s.end_at IS DISTINCT FROM w.end_at THEN 'end_at' END,
                        CASE WHEN s.max_runs IS DISTINCT FROM w.max_runs THEN 'max_runs' END
       ) AS columns) d
 ORDER BY w.place
