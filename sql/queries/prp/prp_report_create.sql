-- The reports that the staged documents lack, in the gaps that prp_report_number left. $1 bigint record or NULL for all.
WITH periods AS (
    SELECT s.record, p.* FROM drumbeat_stage s,
           jsonb_to_record(s.data) AS p(id bigint, report_type varchar(3), start_date date, end_date date, due_date date, matched bigint, is_final boolean)
     WHERE s.kind = 'period' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), numbered AS (
    SELECT record, document_id, report_type, start_date, end_date, due_date, is_final, report_id,
           row_number() OVER (PARTITION BY document_id, report_type ORDER BY coalesce(start_date, due_date), end_date, report_id NULLS LAST) AS number
      FROM (SELECT NULL::integer AS record, r.programme_document_id AS document_id, r.report_type, r.id AS report_id, r.start_date, r.end_date,
                   r.due_date, r.is_final
              FROM registry.progress_report r WHERE r.programme_document_id IN (SELECT id FROM periods)
            UNION ALL
            SELECT record, id, report_type, NULL, start_date, end_date, due_date, is_final FROM periods WHERE matched IS NULL) both_kinds
), written AS (
    INSERT INTO registry.progress_report (programme_document_id, report_type, report_number, start_date, end_date, due_date, is_final)
    SELECT document_id, report_type, number, start_date, end_date, due_date, is_final
      FROM numbered WHERE report_id IS NULL ORDER BY document_id, report_type, number
    RETURNING programme_document_id AS id
)
SELECT d.record, count(*) AS created, 0::bigint AS updated, 0::bigint AS removed
  FROM written JOIN (SELECT DISTINCT record, id FROM periods) d USING (id) GROUP BY d.record
