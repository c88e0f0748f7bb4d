-- Where the staged indicators are to be reached; places that an indicator no longer has become inactive. $1 bigint record or NULL for all.
WITH indicators AS (
    SELECT DISTINCT s.record, s.data->>'external_id' AS indicator, t.id AS reportable_id
      FROM drumbeat_stage s
      JOIN registry.reportable t ON t.external_id = s.data->>'external_id' AND t.external_source = s.data->>'source'
     WHERE s.kind = 'indicator' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), staged AS (
    SELECT DISTINCT i.record, i.reportable_id, t.id AS location_id
      FROM drumbeat_stage s JOIN indicators i ON i.record = s.record AND i.indicator = s.data->>'indicator'
      JOIN registry.location t
        ON t.name = s.data->>'name' AND t.p_code = s.data->>'p_code' AND t.admin_level = (s.data->>'admin_level')::smallint
     WHERE s.kind = 'location'
), documents AS (
    SELECT s.record, s.data->>'source' AS source FROM drumbeat_stage s WHERE s.kind = 'document' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), written AS (
    INSERT INTO registry.reportable_location_goal AS g (reportable_id, location_id)
    SELECT s.reportable_id, s.location_id
      FROM staged s LEFT JOIN registry.reportable_location_goal g USING (reportable_id, location_id)
     WHERE g.is_active IS DISTINCT FROM true
     ORDER BY 1, 2
    ON CONFLICT (reportable_id, location_id) DO UPDATE SET is_active = true
    RETURNING g.reportable_id, g.xmax = 0 AS is_new
), gone AS (
    UPDATE registry.reportable_location_goal g SET is_active = false
      FROM indicators i
     WHERE g.reportable_id = i.reportable_id AND g.is_active
       AND (g.reportable_id, g.location_id) NOT IN (SELECT s.reportable_id, s.location_id FROM staged s)
    RETURNING g.reportable_id
)
SELECT record, sum(created)::bigint AS created, sum(updated)::bigint AS updated, sum(removed)::bigint AS removed
  FROM (SELECT reportable_id, is_new::int AS created, (NOT is_new)::int AS updated, 0 AS removed FROM written
        UNION ALL
        SELECT reportable_id, 0, 0, 1 FROM gone) changes
  JOIN registry.reportable t ON t.id = changes.reportable_id
  JOIN documents d ON d.source = t.external_source
 GROUP BY record
