-- Links of the staged documents to outputs of the country programme. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT ON (k.id, s.data->>'link', s.data->>'external_cp_output_id')
           s.record, k.id AS programme_document_id, k.business_area AS external_business_area_code, s.data->>'link' AS external_id,
           (s.data->>'external_cp_output_id')::bigint AS external_cp_output_id, s.data->>'cp_output_title' AS title
      FROM drumbeat_stage s
      JOIN (SELECT record, (data->>'id')::bigint AS id, data->>'business_area' AS business_area FROM drumbeat_stage WHERE kind = 'key') k USING (record)
     WHERE s.kind = 'output' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     ORDER BY k.id, s.data->>'link', s.data->>'external_cp_output_id', s.data->>'cp_output_title' DESC
), written AS (
    INSERT INTO registry.pd_result_link AS t (external_id, external_business_area_code, external_cp_output_id, programme_document_id, title)
    SELECT s.external_id, s.external_business_area_code, s.external_cp_output_id, s.programme_document_id, s.title
      FROM staged s
      LEFT JOIN registry.pd_result_link t USING (external_id, external_business_area_code, external_cp_output_id, programme_document_id)
     WHERE t.title IS DISTINCT FROM s.title
     ORDER BY 1, 2, 3, 4
    ON CONFLICT (external_id, external_business_area_code, external_cp_output_id, programme_document_id) DO UPDATE SET title = excluded.title
    RETURNING t.programme_document_id, t.xmax = 0 AS is_new
)
SELECT s.record, count(*) FILTER (WHERE w.is_new) AS created, count(*) FILTER (WHERE NOT w.is_new) AS updated, 0::bigint AS removed
  FROM written w JOIN (SELECT DISTINCT record, programme_document_id FROM staged) s USING (programme_document_id) GROUP BY s.record
