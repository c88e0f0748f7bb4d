-- A place to write figures into for each active place of each indicator in what the staged documents, and the staged indicators of clusters, still
-- have to report. $1 bigint record or NULL for all. Without disaggregations the figures begin empty, with some as zeros.
WITH reports AS (
    SELECT s.record, x.id, x.reportable_id
      FROM drumbeat_stage s
      JOIN registry.progress_report r ON r.programme_document_id = (s.data->>'id')::bigint AND r.submission_date IS NULL AND r.status NOT IN ('Sub', 'Acc')
      JOIN registry.indicator_report x ON x.progress_report_id = r.id AND x.submission_date IS NULL
     WHERE s.kind = 'document' AND ($1::bigint IS NULL OR s.record = $1::bigint)
    UNION ALL
    SELECT s.record, x.id, x.reportable_id
      FROM drumbeat_stage s
      JOIN registry.indicator_report x ON x.reportable_id = (s.data->>'id')::bigint AND x.progress_report_id IS NULL AND x.submission_date IS NULL
                                      AND x.report_status NOT IN ('Sub', 'Acc')
     WHERE s.kind = 'indicator' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), lacking AS (
    SELECT x.record, x.id AS report_id, g.location_id,
           ARRAY(SELECT a.disaggregation_id::integer FROM registry.reportable_disaggregation a WHERE a.reportable_id = x.reportable_id ORDER BY 1) AS by
      FROM reports x
      JOIN registry.reportable i ON i.id = x.reportable_id AND i.active
      JOIN registry.reportable_location_goal g ON g.reportable_id = x.reportable_id AND g.is_active
     WHERE NOT EXISTS (SELECT FROM registry.indicator_location_data l WHERE l.indicator_report_id = x.id AND l.location_id = g.location_id)
), written AS (
    INSERT INTO registry.indicator_location_data (indicator_report_id, location_id, disaggregation, num_disaggregation, level_reported,
                                                  disaggregation_reported_on)
    SELECT report_id, location_id,
           CASE WHEN by = '{}' THEN '{"()": {"c": null, "d": null, "v": null}}'::jsonb ELSE '{"()": {"c": 0, "d": 0, "v": 0}}'::jsonb END,
           cardinality(by), cardinality(by), by
      FROM lacking ORDER BY report_id, location_id
    RETURNING indicator_report_id
)
SELECT l.record, count(*) AS created, 0::bigint AS updated, 0::bigint AS removed
  FROM written w JOIN (SELECT DISTINCT record, report_id FROM lacking) l ON l.report_id = w.indicator_report_id GROUP BY l.record
