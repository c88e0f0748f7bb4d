-- Where the activities of work plans are linked to partners of the country: kind 'partner', c1 vendor, c3 place of the row; of several rows of one activity (c10, c18 country, c19 place)
-- the first counts. What a row does not name any more goes. $1 bigint record or NULL for all.
WITH activities AS (
    SELECT DISTINCT ON (s.c10) a.id, s.c19 AS place, s.c18::bigint AS country_id, s.c10 AS wbs
      FROM drumbeat_stage s JOIN registry.ewp_activity a ON a.wbs = s.c10 AND a.country_id = s.c18::bigint
     WHERE s.kind = 'row' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     ORDER BY s.c10, s.c19::bigint
), named AS (
    SELECT DISTINCT a.id AS ewp_activity_id, a.place, a.wbs, s.record, s.c1 AS code, f.id AS partner_id
      FROM activities a
      JOIN drumbeat_stage s ON s.kind = 'partner' AND s.c3 = a.place AND s.c1 <> ''
      LEFT JOIN (
               registry.organization o JOIN registry.partner_organization f ON f.organization_id = o.id) ON o.vendor_number = s.c1 AND f.country_id = a.country_id
), gone AS (
    DELETE FROM registry.ewp_activity_partner l USING activities a
     WHERE l.ewp_activity_id = a.id AND NOT EXISTS (SELECT FROM named n WHERE n.ewp_activity_id = a.id AND n.partner_id = l.partner_id)
    RETURNING a.place
), written AS (
    INSERT INTO registry.ewp_activity_partner (ewp_activity_id, partner_id)
    SELECT DISTINCT ewp_activity_id, partner_id FROM named WHERE partner_id IS NOT NULL ORDER BY 1, 2
    ON CONFLICT DO NOTHING
    RETURNING ewp_activity_id
), marked AS (
    INSERT INTO drumbeat_stage (record, kind, c1, c2)
    SELECT 0, 'mark', place, 'changed' FROM gone UNION ALL SELECT 0, 'mark', a.place, 'changed' FROM written w JOIN activities a ON a.id = w.ewp_activity_id
), told AS (
    INSERT INTO drumbeat_stage (record, kind, c1, c2, c3)
    SELECT record, 'told', place, wbs, 'IMPLEMENTING_PARTNER_CODE: no partner ' || code || ' here' FROM named WHERE partner_id IS NULL
)
SELECT NULL::bigint AS record, (SELECT count(*) FROM written) AS created, 0::bigint AS updated, (SELECT count(*) FROM gone) AS removed
