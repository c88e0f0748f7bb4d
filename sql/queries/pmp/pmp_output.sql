-- Lower-level outputs of the staged documents; those that a document no longer has become inactive. $1 bigint record or NULL for all.
WITH keys AS (
    SELECT s.record, (s.data->>'id')::bigint AS programme_document_id, s.data->>'business_area' AS external_business_area_code
      FROM drumbeat_stage s
     WHERE s.kind = 'key' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), staged AS (
    SELECT DISTINCT ON (l.id, s.data->>'external_id')
           k.record, l.id AS cp_output_id, k.external_business_area_code, s.data->>'external_id' AS external_id, s.data->>'title' AS title
      FROM drumbeat_stage s JOIN keys k USING (record)
      JOIN registry.pd_result_link l
        ON l.programme_document_id = k.programme_document_id AND l.external_id = s.data->>'link'
       AND l.external_cp_output_id = (s.data->>'external_cp_output_id')::bigint
     WHERE s.kind = 'output'
     ORDER BY l.id, s.data->>'external_id', s.data->>'title' DESC
), written AS (
    INSERT INTO registry.lower_level_output AS t (external_id, external_business_area_code, cp_output_id, title)
    SELECT s.external_id, s.external_business_area_code, s.cp_output_id, s.title
      FROM staged s LEFT JOIN registry.lower_level_output t USING (external_id, external_business_area_code, cp_output_id)
     WHERE t.id IS NULL OR (t.title, t.active) IS DISTINCT FROM (s.title, true)
     ORDER BY 3, 1
    ON CONFLICT (external_id, external_business_area_code, cp_output_id) DO UPDATE SET title = excluded.title, active = true
    RETURNING t.cp_output_id, t.xmax = 0 AS is_new
), gone AS (
    UPDATE registry.lower_level_output t SET active = false
      FROM registry.pd_result_link l, keys k
     WHERE l.id = t.cp_output_id AND k.programme_document_id = l.programme_document_id AND t.active
       AND (t.cp_output_id, t.external_id) NOT IN (SELECT s.cp_output_id, s.external_id FROM staged s)
    RETURNING k.record
)
SELECT record, sum(created)::bigint AS created, sum(updated)::bigint AS updated, sum(removed)::bigint AS removed
  FROM (SELECT s.record, w.is_new::int AS created, (NOT w.is_new)::int AS updated, 0 AS removed
          FROM written w JOIN (SELECT DISTINCT record, cp_output_id FROM staged) s USING (cp_output_id)
        UNION ALL
        SELECT record, 0, 0, 1 FROM gone) changes
 GROUP BY record
