-- Number the reports of the staged documents in the order of their periods, with gaps where prp_report_create puts new ones, and mark the last
-- one. $1 bigint record or NULL for all. All numbers of a document change in one statement, so none is taken twice on the way.
WITH periods AS (
    SELECT s.record, p.* FROM drumbeat_stage s,
           jsonb_to_record(s.data) AS p(id bigint, report_type varchar(3), start_date date, end_date date, due_date date, matched bigint, is_final boolean)
     WHERE s.kind = 'period' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), numbered AS (
    SELECT record, report_id, is_final,
           row_number() OVER (PARTITION BY document_id, report_type ORDER BY coalesce(start_date, due_date), end_date, report_id NULLS LAST) AS number
      FROM (SELECT d.record, r.programme_document_id AS document_id, r.report_type, r.id AS report_id, r.start_date, r.end_date, r.due_date,
                   coalesce(p.is_final, r.is_final) AS is_final
              FROM registry.progress_report r
              JOIN (SELECT DISTINCT record, id FROM periods) d ON d.id = r.programme_document_id
              LEFT JOIN periods p ON p.matched = r.id
            UNION ALL
            SELECT record, id, report_type, NULL, start_date, end_date, due_date, is_final FROM periods WHERE matched IS NULL) both_kinds
), written AS (
    UPDATE registry.progress_report r SET report_number = n.number, is_final = n.is_final
      FROM numbered n
     WHERE r.id = n.report_id AND (r.report_number, r.is_final) IS DISTINCT FROM (n.number, n.is_final)
    RETURNING n.record
)
SELECT record, 0::bigint AS created, count(*) AS updated, 0::bigint AS removed FROM written GROUP BY record
