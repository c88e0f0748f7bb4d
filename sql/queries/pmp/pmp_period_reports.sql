-- Remove the progress reports of periods that are gone or were moved, so that they are made anew; not those that a partner has
-- worked on. $1 bigint record or NULL for all. Runs before pmp_period. `removed` counts reports.
WITH staged AS (
    SELECT (k.data->>'id')::bigint AS programme_document_id, r.external_id, r.report_type, r.start_date, r.end_date, r.due_date
      FROM drumbeat_stage s JOIN drumbeat_stage k ON k.record = s.record AND k.kind = 'key',
           jsonb_to_record(s.data) AS r(external_id text, report_type varchar(3), start_date date, end_date date, due_date date)
     WHERE s.kind = 'period' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), stale AS (
    SELECT s.record, p.*
      FROM drumbeat_stage s
      JOIN registry.reporting_period p ON p.programme_document_id = (s.data->>'id')::bigint
      LEFT JOIN staged n ON n.programme_document_id = p.programme_document_id AND n.external_id = p.external_id AND n.report_type = p.report_type
     WHERE s.kind = 'key' AND s.data->>'status' NOT IN ('draft', 'signed') AND ($1::bigint IS NULL OR s.record = $1::bigint)
       AND (n.external_id IS NULL
            OR CASE p.report_type WHEN 'QPR' THEN (p.start_date, p.end_date, p.due_date) IS DISTINCT FROM (n.start_date, n.end_date, n.due_date)
                                  ELSE p.due_date IS DISTINCT FROM n.due_date END)
), gone AS (
    DELETE FROM registry.progress_report r
     USING stale p
     WHERE r.programme_document_id = p.programme_document_id AND r.report_type = p.report_type AND r.due_date IS NOT DISTINCT FROM p.due_date
       AND (p.report_type = 'SR' OR (r.start_date, r.end_date) IS NOT DISTINCT FROM (p.start_date, p.end_date))
       AND NOT (r.submission_date IS NOT NULL OR r.status IN ('Sub', 'Sen', 'Acc') OR coalesce(r.narrative, '') <> ''
            OR EXISTS (SELECT FROM registry.indicator_report i WHERE i.progress_report_id = r.id AND i.submission_date IS NOT NULL))
    RETURNING p.record
)
SELECT record, 0::bigint AS created, 0::bigint AS updated, count(*) AS removed FROM gone GROUP BY record
