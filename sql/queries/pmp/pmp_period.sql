-- Reporting periods of the staged documents. $1 bigint record or NULL for all. A document that is a draft or only signed has none yet. A period that the
-- document has lost goes, unless a partner has worked on its report.
WITH keys AS (
    SELECT s.record, (s.data->>'id')::bigint AS programme_document_id, s.data->>'business_area' AS external_business_area_code
      FROM drumbeat_stage s
     WHERE s.kind = 'key' AND s.data->>'status' NOT IN ('draft', 'signed') AND ($1::bigint IS NULL OR s.record = $1::bigint)
), staged AS (
    SELECT DISTINCT ON (k.programme_document_id, r.report_type, r.external_id) k.*, r.*
      FROM drumbeat_stage s JOIN keys k USING (record),
           jsonb_to_record(s.data) AS r(external_id text, report_type varchar(3), start_date date, end_date date, due_date date,
                                        description varchar(512))
     WHERE s.kind = 'period'
     ORDER BY k.programme_document_id, r.report_type, r.external_id, r.start_date DESC, r.end_date DESC, r.due_date DESC, r.description
), written AS (
    INSERT INTO registry.reporting_period AS t (programme_document_id, external_business_area_code, report_type, external_id, start_date,
                                                end_date, due_date, description)
    SELECT s.programme_document_id, s.external_business_area_code, s.report_type, s.external_id, s.start_date, s.end_date, s.due_date,
           s.description
      FROM staged s
      LEFT JOIN registry.reporting_period t USING (external_id, external_business_area_code, report_type, programme_document_id)
     WHERE t.id IS NULL OR (t.start_date, t.end_date, t.due_date, t.description) IS DISTINCT FROM
                           (s.start_date, s.end_date, s.due_date, s.description)
     ORDER BY 1, 3, 4
    ON CONFLICT (external_id, external_business_area_code, report_type, programme_document_id) DO UPDATE
       SET start_date = excluded.start_date, end_date = excluded.end_date, due_date = excluded.due_date, description = excluded.description
    RETURNING t.programme_document_id, t.xmax = 0 AS is_new
), gone AS (
    DELETE FROM registry.reporting_period p
     USING keys k
     WHERE p.programme_document_id = k.programme_document_id
       AND (p.programme_document_id, p.report_type, p.external_id) NOT IN
           (SELECT s.programme_document_id, s.report_type, s.external_id FROM staged s)
       AND NOT EXISTS (SELECT FROM registry.progress_report r
                        WHERE r.programme_document_id = p.programme_document_id AND r.report_type = p.report_type
                          AND r.due_date IS NOT DISTINCT FROM p.due_date
                          AND (p.report_type = 'SR' OR (r.start_date, r.end_date) IS NOT DISTINCT FROM (p.start_date, p.end_date))
                          AND (r.submission_date IS NOT NULL OR r.status IN ('Sub', 'Sen', 'Acc') OR coalesce(r.narrative, '') <> ''
            OR EXISTS (SELECT FROM registry.indicator_report i WHERE i.progress_report_id = r.id AND i.submission_date IS NOT NULL)))
    RETURNING k.record
)
SELECT record, sum(created)::bigint AS created, sum(updated)::bigint AS updated, sum(removed)::bigint AS removed
  FROM (SELECT k.record, w.is_new::int AS created, (NOT w.is_new)::int AS updated, 0 AS removed
          FROM written w JOIN keys k USING (programme_document_id)
        UNION ALL
        SELECT record, 0, 0, 1 FROM gone) changes
 GROUP BY record
