-- The workspace of an emergency, for a staged plan that has no other. $1 bigint record or NULL for all.
WITH written AS (
    INSERT INTO registry.workspace (external_id, title, workspace_code)
    SELECT s.data->>'emergency', left(s.data->>'emergency_name', 255), 'EM' || (s.data->>'emergency')
      FROM drumbeat_stage s
     WHERE s.kind = 'plan' AND ($1::bigint IS NULL OR s.record = $1::bigint) AND length(s.data->>'emergency') <= 6 AND s.data->>'emergency_name' <> ''
       AND registry.hpc_workspace(s.data->>'external_id', s.data->>'workspace', s.data->>'country') IS NULL
    ON CONFLICT (workspace_code) DO NOTHING
    RETURNING id
)
SELECT NULL::bigint AS record, count(*) AS created, 0::bigint AS updated, 0::bigint AS removed FROM written
