-- Where the activities of work plans are linked to active locations: kind 'location', c1 p_code, c3 place of the row; of several rows of one activity (c10, c18 country, c19 place)
-- the first counts. What a row does not name any more goes. $1 bigint record or NULL for all.
WITH activities AS (
    SELECT DISTINCT ON (s.c10) a.id, s.c19 AS place, s.c18::bigint AS country_id, s.c10 AS wbs
      FROM drumbeat_stage s JOIN registry.ewp_activity a ON a.wbs = s.c10 AND a.country_id = s.c18::bigint
     WHERE s.kind = 'row' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     ORDER BY s.c10, s.c19::bigint
), named AS (
    SELECT DISTINCT a.id AS ewp_activity_id, a.place, a.wbs, s.record, s.c1 AS code, f.id AS location_id
      FROM activities a
      JOIN drumbeat_stage s ON s.kind = 'location' AND s.c3 = a.place AND s.c1 <> ''
      LEFT JOIN LATERAL (
               SELECT t.id FROM registry.location t
                 LEFT JOIN registry.location_workspace k ON k.location_id = t.id AND k.workspace_id = a.country_id
                WHERE t.p_code = s.c1 AND t.is_active ORDER BY k.workspace_id IS NULL, t.id LIMIT 1) f ON true
), gone AS (
    DELETE FROM registry.ewp_activity_location l USING activities a
     WHERE l.ewp_activity_id = a.id AND NOT EXISTS (SELECT FROM named n WHERE n.ewp_activity_id = a.id AND n.location_id = l.location_id)
    RETURNING a.place
), written AS (
    INSERT INTO registry.ewp_activity_location (ewp_activity_id, location_id)
    SELECT DISTINCT ewp_activity_id, location_id FROM named WHERE location_id IS NOT NULL ORDER BY 1, 2
    ON CONFLICT DO NOTHING
    RETURNING ewp_activity_id
), marked AS (
    INSERT INTO drumbeat_stage (record, kind, c1, c2)
    SELECT 0, 'mark', place, 'changed' FROM gone UNION ALL SELECT 0, 'mark', a.place, 'changed' FROM written w JOIN activities a ON a.id = w.ewp_activity_id
), told AS (
    INSERT INTO drumbeat_stage (record, kind, c1, c2, c3)
    SELECT record, 'told', place, wbs, 'P_CODE: no location ' || code || ' here' FROM named WHERE location_id IS NULL
)
SELECT NULL::bigint AS record, (SELECT count(*) FROM written) AS created, 0::bigint AS updated, (SELECT count(*) FROM gone) AS removed
