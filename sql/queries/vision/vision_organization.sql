-- Staged partners into organization; of several rows of one vendor the last. c1 vendor, c2 name, c3 type, c4 kind of CSO, c21 short name, c28
-- place. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT ON (c1) c1::varchar(30) AS vendor_number, c2::varchar(255) AS name, left(c21, 50)::varchar(50) AS short_name,
           CASE upper(c3) WHEN 'BILATERAL / MULTILATERAL' THEN 'Bilateral / Multilateral' WHEN 'CIVIL SOCIETY ORGANIZATION' THEN 'Civil Society Organization'
                          WHEN 'GOVERNMENT' THEN 'Government' WHEN 'UN AGENCY' THEN 'UN Agency' END AS organization_type,
           CASE upper(c4) WHEN 'INTERNATIONAL NGO' THEN 'International' WHEN 'NATIONAL NGO' THEN 'National'
                          WHEN 'COMMUNITY BASED ORGANIZATION' THEN 'Community Based Organization' WHEN 'ACADEMIC INSTITUTION' THEN 'Academic Institution'
                          WHEN 'RED CROSS/RED CRESCENT NATIONAL SOCIETIES' THEN 'Red Cross/Red Crescent National Societies' END AS cso_type
      FROM drumbeat_stage
     WHERE kind = 'row' AND ($1::bigint IS NULL OR record = $1::bigint)
     ORDER BY c1, c28::bigint DESC
), written AS (
    INSERT INTO registry.organization AS t (vendor_number, name, short_name, organization_type, cso_type)
    SELECT s.vendor_number, s.name, s.short_name, s.organization_type, s.cso_type
      FROM staged s LEFT JOIN registry.organization o USING (vendor_number)
     WHERE (o.name, o.short_name, o.organization_type, o.cso_type) IS DISTINCT FROM (s.name, s.short_name, s.organization_type, s.cso_type)
     ORDER BY s.vendor_number
    ON CONFLICT (vendor_number) DO UPDATE
       SET name = excluded.name, short_name = excluded.short_name, organization_type = excluded.organization_type, cso_type = excluded.cso_type
    RETURNING t.xmax = 0 AS is_new
)
SELECT NULL::bigint AS record, count(*) FILTER (WHERE is_new) AS created, count(*) FILTER (WHERE NOT is_new) AS updated, 0::bigint AS removed FROM written
