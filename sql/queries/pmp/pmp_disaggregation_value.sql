-- The values of the staged disaggregations. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT t.id AS disaggregation_id, v.value, bool_or(v.active) AS active, min(s.record) AS record
      FROM drumbeat_stage s
      JOIN registry.disaggregation t
        ON t.name = s.data->>'name' AND t.workspace_id = (s.data->>'workspace_id')::bigint AND t.response_plan_id IS NULL,
           jsonb_to_recordset(s.data->'values') AS v(value varchar(128), active boolean)
     WHERE s.kind = 'disaggregation' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     GROUP BY 1, 2
), written AS (
    INSERT INTO registry.disaggregation_value AS t (disaggregation_id, value, active)
    SELECT s.disaggregation_id, s.value, s.active
      FROM staged s LEFT JOIN registry.disaggregation_value t USING (disaggregation_id, value)
     WHERE t.active IS DISTINCT FROM s.active
     ORDER BY 1, 2
    ON CONFLICT (disaggregation_id, value) DO UPDATE SET active = excluded.active
    RETURNING t.disaggregation_id, t.value, t.xmax = 0 AS is_new
)
SELECT s.record, count(*) FILTER (WHERE w.is_new) AS created, count(*) FILTER (WHERE NOT w.is_new) AS updated, 0::bigint AS removed
  FROM written w JOIN staged s USING (disaggregation_id, value) GROUP BY s.record
