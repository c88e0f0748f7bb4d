-- By what each staged indicator may be split. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT s.record, t.id AS reportable_id, d.id AS disaggregation_id
      FROM drumbeat_stage s JOIN registry.reportable t ON t.external_source = s.data->>'source' AND t.external_id = s.data->>'indicator'
      JOIN registry.disaggregation d ON d.name = left(s.data->>'name', 255) AND d.response_plan_id = registry.hpc_plan(t.content_type, t.object_id)
     WHERE s.kind = 'category' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), written AS (
    INSERT INTO registry.reportable_disaggregation (reportable_id, disaggregation_id)
    SELECT DISTINCT s.reportable_id, s.disaggregation_id FROM staged s
     WHERE NOT EXISTS (SELECT FROM registry.reportable_disaggregation g WHERE g.reportable_id = s.reportable_id AND g.disaggregation_id = s.disaggregation_id)
     ORDER BY 1, 2
    ON CONFLICT (reportable_id, disaggregation_id) DO NOTHING
    RETURNING reportable_id, disaggregation_id
)
-- By IN, whose list is hashed: the planner believes that few rows were staged, and would join them with each other one by one.
SELECT record, created, 0::bigint AS updated, 0::bigint AS removed
  FROM (SELECT s.record, count(*) FILTER (WHERE (s.reportable_id, s.disaggregation_id) IN (SELECT reportable_id, disaggregation_id FROM written)) AS created
          FROM staged s GROUP BY s.record) c
 WHERE created > 0
