-- Clusters of the plan that have the name of a staged one which is not here yet become that one: those made for a project, and those whose own id HPC
-- has no more. $1 bigint record or NULL for all.
WITH changed AS (
    UPDATE registry.cluster c SET external_id = s.data->>'external_id', external_source = 'HPC'
      FROM drumbeat_stage s JOIN registry.response_plan p ON p.external_source = 'HPC' AND p.external_id = s.data->>'plan'
     WHERE s.kind = 'cluster' AND ($1::bigint IS NULL OR s.record = $1::bigint)
       AND c.response_plan_id = p.id AND c.type = 'imported' AND c.imported_type = s.data->>'imported_type'
       AND (c.external_id IS NULL OR c.external_id NOT IN (SELECT o.data->>'external_id' FROM drumbeat_stage o WHERE o.kind = 'cluster'))
       AND NOT EXISTS (SELECT FROM registry.cluster o WHERE o.external_source = 'HPC' AND o.external_id = s.data->>'external_id')
       AND NOT EXISTS (SELECT FROM drumbeat_stage o WHERE o.kind = 'cluster' AND o.data->>'imported_type' = s.data->>'imported_type' AND o.record > s.record)
    RETURNING s.record
)
SELECT record, 0::bigint AS created, count(*) AS updated, 0::bigint AS removed FROM changed GROUP BY record
