-- Clusters of all plans, for a staged project none of whose own clusters is here. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT s.data->>'name' AS name, p.id AS response_plan_id
      FROM drumbeat_stage s JOIN registry.response_plan p ON p.external_source = 'HPC' AND p.external_id = s.data->>'plan'
     WHERE s.kind = 'global_cluster' AND s.data->>'name' <> '' AND ($1::bigint IS NULL OR s.record = $1::bigint)
       AND NOT EXISTS (SELECT FROM drumbeat_stage o JOIN registry.cluster c ON c.external_source = 'HPC' AND c.external_id = o.data->>'external_id'
                        WHERE o.kind = 'cluster' AND o.record = s.record)
), written AS (
    INSERT INTO registry.cluster (type, imported_type, response_plan_id, external_source)
    SELECT 'imported', s.name, s.response_plan_id, 'HPC' FROM staged s
     WHERE NOT EXISTS (SELECT FROM registry.cluster c WHERE c.type = 'imported' AND c.imported_type = s.name AND c.response_plan_id = s.response_plan_id)
     ORDER BY 1, 2
    RETURNING id
)
SELECT NULL::bigint AS record, count(*) AS created, 0::bigint AS updated, 0::bigint AS removed FROM written
