-- How indicators may be split: the names belong to the plan, of a project's indicators to the first of its clusters' plans. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT left(s.data->>'name', 255) AS name, registry.hpc_plan(t.content_type, t.object_id) AS response_plan_id
      FROM drumbeat_stage s JOIN registry.reportable t ON t.external_source = s.data->>'source' AND t.external_id = s.data->>'indicator'
     WHERE s.kind = 'category' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), written AS (
    INSERT INTO registry.disaggregation (name, response_plan_id)
    SELECT s.name, s.response_plan_id FROM staged s
     WHERE s.response_plan_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM registry.disaggregation d WHERE d.name = s.name AND d.response_plan_id = s.response_plan_id)
     ORDER BY 1, 2
    ON CONFLICT (name, response_plan_id) DO NOTHING
    RETURNING id
)
SELECT NULL::bigint AS record, count(*) AS created, 0::bigint AS updated, 0::bigint AS removed FROM written
