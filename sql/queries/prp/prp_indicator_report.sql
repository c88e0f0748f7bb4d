-- A report of each active indicator in the quarterly reports of the staged documents, and of the high-frequency ones in the humanitarian
-- reports, as long as the partner has not handed them in. $1 bigint record or NULL for all.
WITH documents AS (
    SELECT s.record, (s.data->>'id')::bigint AS id FROM drumbeat_stage s
     WHERE s.kind = 'document' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), lacking AS (
    SELECT d.record, r.id AS report_id, i.id AS reportable_id, b.title, r.start_date, r.end_date, r.due_date
      FROM documents d
      JOIN registry.progress_report r ON r.programme_document_id = d.id
      JOIN registry.pd_result_link k ON k.programme_document_id = d.id
      JOIN registry.lower_level_output o ON o.cp_output_id = k.id AND o.active
      JOIN registry.reportable i ON i.content_type = 'lower_level_output' AND i.object_id = o.id AND i.active
      JOIN registry.indicator_blueprint b ON b.id = i.blueprint_id
     WHERE r.submission_date IS NULL AND r.status NOT IN ('Sub', 'Acc') AND r.start_date IS NOT NULL AND r.end_date IS NOT NULL
       AND (r.report_type = 'QPR' OR (r.report_type = 'HR' AND i.is_unicef_hf_indicator))
       AND EXISTS (SELECT FROM registry.reportable_location_goal g WHERE g.reportable_id = i.id AND g.is_active)
       AND NOT EXISTS (SELECT FROM registry.indicator_report x WHERE x.progress_report_id = r.id AND x.reportable_id = i.id)
), written AS (
    INSERT INTO registry.indicator_report (reportable_id, progress_report_id, title, time_period_start, time_period_end, due_date)
    SELECT reportable_id, report_id, title, start_date, end_date, due_date FROM lacking ORDER BY report_id, reportable_id
    RETURNING progress_report_id
)
SELECT l.record, count(*) AS created, 0::bigint AS updated, 0::bigint AS removed
  FROM written w JOIN (SELECT DISTINCT record, report_id FROM lacking) l ON l.report_id = w.progress_report_id GROUP BY l.record
