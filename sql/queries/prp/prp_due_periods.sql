-- The periods of the staged documents for which there has to be a report by now, as rows of the stage. $1 bigint record or NULL for all; no row
-- is answered. A period with dates counts from its first day on, a special report from 30 days before it is due; a humanitarian one
-- only when the document has indicators for it. `matched` is the report there is already: one period, one report, whatever its number.
INSERT INTO drumbeat_stage (record, kind, data)
SELECT DISTINCT ON (d.record, p.report_type, p.start_date, p.end_date, CASE WHEN p.report_type = 'SR' THEN p.due_date END)
       d.record, 'period',
       jsonb_build_object('id', d.id, 'report_type', p.report_type, 'start_date', p.start_date, 'end_date', p.end_date,
                          'due_date', coalesce(p.due_date, p.end_date + 15), 'matched', r.id,
                          'is_final', NOT EXISTS (SELECT FROM registry.reporting_period later
                                                   WHERE later.programme_document_id = d.id AND later.report_type = p.report_type
                                                     AND coalesce(later.start_date, later.due_date) > coalesce(p.start_date, p.due_date)))
  FROM (SELECT s.record, (s.data->>'id')::bigint AS id, (s.data->>'today')::date AS today
          FROM drumbeat_stage s WHERE s.kind = 'document' AND ($1::bigint IS NULL OR s.record = $1::bigint)) d
  JOIN registry.reporting_period p ON p.programme_document_id = d.id
  LEFT JOIN registry.progress_report r
    ON r.programme_document_id = d.id AND r.report_type = p.report_type
   AND CASE WHEN p.report_type = 'SR' THEN r.due_date = p.due_date
            ELSE (r.start_date, r.end_date) IS NOT DISTINCT FROM (p.start_date, p.end_date) END
 WHERE NOT EXISTS (SELECT FROM drumbeat_stage o WHERE o.kind = 'period' AND o.record = d.record)
   AND CASE p.report_type
            WHEN 'SR' THEN p.due_date < d.today + 30
            WHEN 'HR' THEN p.start_date <= d.today AND p.end_date IS NOT NULL
                 AND EXISTS (SELECT FROM registry.pd_result_link k JOIN registry.lower_level_output o ON o.cp_output_id = k.id
                               JOIN registry.reportable i ON i.content_type = 'lower_level_output' AND i.object_id = o.id
                              WHERE k.programme_document_id = d.id AND o.active AND i.active AND i.is_unicef_hf_indicator)
            ELSE p.start_date <= d.today AND p.end_date IS NOT NULL END
 ORDER BY 1, p.report_type, p.start_date, p.end_date, CASE WHEN p.report_type = 'SR' THEN p.due_date END, r.id
