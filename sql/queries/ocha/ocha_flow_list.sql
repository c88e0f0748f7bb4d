-- In which list the staged flows stand. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT s.record, s.data->>'list' AS list, f.id AS flow_id
      FROM drumbeat_stage s JOIN registry.fts_flow f ON f.external_id = s.data->>'external_id'
     WHERE s.kind = 'flow' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), written AS (
    INSERT INTO registry.fts_flow_list (list, flow_id)
    SELECT s.list, s.flow_id FROM staged s
     WHERE NOT EXISTS (SELECT FROM registry.fts_flow_list l WHERE l.list = s.list AND l.flow_id = s.flow_id)
     ORDER BY 1, 2
    ON CONFLICT (list, flow_id) DO NOTHING
    RETURNING list, flow_id
)
SELECT s.record, count(*) AS created, 0::bigint AS updated, 0::bigint AS removed FROM written w JOIN staged s USING (list, flow_id) GROUP BY s.record
