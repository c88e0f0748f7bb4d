-- Clusters of a plan; of several with one name the last. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT s.record, s.data->>'external_id' AS external_id, s.data->>'imported_type' AS imported_type, p.id AS response_plan_id
      FROM drumbeat_stage s JOIN registry.response_plan p ON p.external_source = 'HPC' AND p.external_id = s.data->>'plan'
     WHERE s.kind = 'cluster' AND ($1::bigint IS NULL OR s.record = $1::bigint)
       AND NOT EXISTS (SELECT FROM drumbeat_stage o WHERE o.kind = 'cluster' AND o.record > s.record
                          AND (o.data->>'imported_type' = s.data->>'imported_type' OR o.data->>'external_id' = s.data->>'external_id'))
), written AS (
    INSERT INTO registry.cluster AS c (type, imported_type, response_plan_id, external_id, external_source)
    SELECT 'imported', s.imported_type, s.response_plan_id, s.external_id, 'HPC'
      FROM staged s LEFT JOIN registry.cluster c ON c.external_source = 'HPC' AND c.external_id = s.external_id
     WHERE c.id IS NULL OR (c.type, c.imported_type, c.response_plan_id) IS DISTINCT FROM ('imported', s.imported_type, s.response_plan_id)
     ORDER BY s.external_id
    ON CONFLICT (external_source, external_id) DO UPDATE
       SET type = excluded.type, imported_type = excluded.imported_type, response_plan_id = excluded.response_plan_id
    RETURNING c.external_id, c.xmax = 0 AS is_new
)
SELECT s.record, w.is_new::int::bigint AS created, (NOT w.is_new)::int::bigint AS updated, 0::bigint AS removed FROM written w JOIN staged s USING (external_id)
