-- Disaggregations from the stage, one a name and workspace. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT s.data->>'name' AS name, (s.data->>'workspace_id')::bigint AS workspace_id, min(s.record) AS record
      FROM drumbeat_stage s
     WHERE s.kind = 'disaggregation' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     GROUP BY 1, 2
), written AS (
    INSERT INTO registry.disaggregation AS t (name, workspace_id)
    SELECT s.name, s.workspace_id
      FROM staged s LEFT JOIN registry.disaggregation t
           ON t.name = s.name AND t.workspace_id = s.workspace_id AND t.response_plan_id IS NULL
     WHERE t.active IS DISTINCT FROM true
     ORDER BY 1, 2
    ON CONFLICT (workspace_id, name) WHERE response_plan_id IS NULL DO UPDATE SET active = true
    RETURNING t.name, t.workspace_id, t.xmax = 0 AS is_new
)
SELECT s.record, count(*) FILTER (WHERE w.is_new) AS created, count(*) FILTER (WHERE NOT w.is_new) AS updated, 0::bigint AS removed
  FROM written w JOIN staged s USING (name, workspace_id) GROUP BY s.record
