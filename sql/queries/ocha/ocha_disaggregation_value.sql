-- The values of what the staged indicators may be split by. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT d.id AS disaggregation_id, left(s.data->>'value', 128) AS value
      FROM drumbeat_stage s JOIN registry.reportable t ON t.external_source = s.data->>'source' AND t.external_id = s.data->>'indicator'
      JOIN registry.disaggregation d ON d.name = left(s.data->>'name', 255) AND d.response_plan_id = registry.hpc_plan(t.content_type, t.object_id)
     WHERE s.kind = 'category' AND s.data->>'value' <> '' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), written AS (
    INSERT INTO registry.disaggregation_value (disaggregation_id, value)
    SELECT s.disaggregation_id, s.value FROM staged s
     WHERE NOT EXISTS (SELECT FROM registry.disaggregation_value v WHERE v.disaggregation_id = s.disaggregation_id AND v.value = s.value)
     ORDER BY 1, 2
    ON CONFLICT (disaggregation_id, value) DO NOTHING
    RETURNING disaggregation_id
)
SELECT NULL::bigint AS record, count(*) AS created, 0::bigint AS updated, 0::bigint AS removed FROM written
