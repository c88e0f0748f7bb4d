-- Which workspaces the staged places belong to. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT t.id AS location_id, (s.data->>'workspace_id')::bigint AS workspace_id, min(s.record) AS record
      FROM drumbeat_stage s
      JOIN registry.location t
        ON t.name = s.data->>'name' AND t.p_code = s.data->>'p_code' AND t.admin_level = (s.data->>'admin_level')::smallint
     WHERE s.kind = 'location' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     GROUP BY 1, 2
), written AS (
    INSERT INTO registry.location_workspace (location_id, workspace_id)
    SELECT s.location_id, s.workspace_id
      FROM staged s LEFT JOIN registry.location_workspace l USING (location_id, workspace_id)
     WHERE l.location_id IS NULL
     ORDER BY 1, 2
    ON CONFLICT DO NOTHING
    RETURNING location_id
)
SELECT s.record, count(*) AS created, 0::bigint AS updated, 0::bigint AS removed
  FROM written w JOIN staged s USING (location_id) GROUP BY s.record
