-- By what the staged indicators are disaggregated. $1 bigint record or NULL for all.
WITH indicators AS (
    SELECT DISTINCT s.record, s.data->>'external_id' AS indicator, t.id AS reportable_id
      FROM drumbeat_stage s
      JOIN registry.reportable t ON t.external_id = s.data->>'external_id' AND t.external_source = s.data->>'source'
     WHERE s.kind = 'indicator' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), staged AS (
    SELECT DISTINCT i.record, i.reportable_id, t.id AS disaggregation_id
      FROM drumbeat_stage s JOIN indicators i ON i.record = s.record AND i.indicator = s.data->>'indicator'
      JOIN registry.disaggregation t
        ON t.name = s.data->>'name' AND t.workspace_id = (s.data->>'workspace_id')::bigint AND t.response_plan_id IS NULL
     WHERE s.kind = 'disaggregation'
), documents AS (
    SELECT s.record, s.data->>'source' AS source FROM drumbeat_stage s WHERE s.kind = 'document' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), written AS (
    INSERT INTO registry.reportable_disaggregation (reportable_id, disaggregation_id)
    SELECT s.reportable_id, s.disaggregation_id
      FROM staged s LEFT JOIN registry.reportable_disaggregation l USING (reportable_id, disaggregation_id)
     WHERE l.reportable_id IS NULL
     ORDER BY 1, 2
    ON CONFLICT DO NOTHING
    RETURNING reportable_id
), gone AS (
    DELETE FROM registry.reportable_disaggregation l
     USING indicators i
     WHERE l.reportable_id = i.reportable_id
       AND (l.reportable_id, l.disaggregation_id) NOT IN (SELECT s.reportable_id, s.disaggregation_id FROM staged s)
    RETURNING l.reportable_id
)
SELECT record, sum(created)::bigint AS created, 0::bigint AS updated, sum(removed)::bigint AS removed
  FROM (SELECT reportable_id, 1 AS created, 0 AS removed FROM written
        UNION ALL
        SELECT reportable_id, 0, 1 FROM gone) changes
  JOIN registry.reportable t ON t.id = changes.reportable_id
  JOIN documents d ON d.source = t.external_source
 GROUP BY record
