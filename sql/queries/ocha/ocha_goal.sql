-- Where indicators are measured: a place by its id, else by its name, below the parent that is named before others. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT s.record, t.id AS reportable_id,
           coalesce((SELECT p.location_id FROM registry.hpc_place p WHERE p.external_id = s.data->>'id'),
                    (SELECT l.id FROM registry.location l JOIN registry.hpc_place p ON p.location_id = l.id LEFT JOIN registry.location u ON u.id = l.parent_id
                      WHERE l.name = s.data->>'name' ORDER BY u.name IS NOT DISTINCT FROM s.data->>'parent' DESC, l.id LIMIT 1)) AS location_id
      FROM drumbeat_stage s JOIN registry.reportable t ON t.external_source = s.data->>'source' AND t.external_id = s.data->>'indicator'
     WHERE s.kind = 'goal' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), written AS (
    INSERT INTO registry.reportable_location_goal (reportable_id, location_id)
    SELECT DISTINCT s.reportable_id, s.location_id FROM staged s
     WHERE s.location_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM registry.reportable_location_goal g WHERE g.reportable_id = s.reportable_id AND g.location_id = s.location_id)
     ORDER BY 1, 2
    ON CONFLICT (reportable_id, location_id) DO NOTHING
    RETURNING reportable_id, location_id
)
-- By IN, whose list is hashed: the planner believes that few rows were staged, and would join them with each other one by one.
SELECT record, created, 0::bigint AS updated, 0::bigint AS removed
  FROM (SELECT s.record, count(*) FILTER (WHERE (s.reportable_id, s.location_id) IN (SELECT reportable_id, location_id FROM written)) AS created
          FROM staged s GROUP BY s.record) c
 WHERE created > 0
