-- DHIS2 has group $3 text of version $1 bigint as it is there: version $2 bigint says so too, of the org units that both have. No row.
WITH known AS (
    INSERT INTO registry.org_unit_group AS g (source_version_id, source_ref, name)
    SELECT $2::bigint, source_ref, name FROM registry.org_unit_group WHERE source_version_id = $1::bigint AND source_ref = $3::text
    ON CONFLICT (source_version_id, source_ref) DO UPDATE SET name = excluded.name
    RETURNING id
), wanted AS (
    SELECT r.id
      FROM registry.org_unit_group g
      JOIN registry.org_unit_group_member m ON m.org_unit_group_id = g.id
      JOIN registry.org_unit u ON u.id = m.org_unit_id
      JOIN registry.org_unit r ON r.version_id = $2::bigint AND r.source_ref = u.source_ref
     WHERE g.source_version_id = $1::bigint AND g.source_ref = $3::text
), gone AS (
    DELETE FROM registry.org_unit_group_member m
     USING known k, registry.org_unit r
     WHERE m.org_unit_group_id = k.id AND r.id = m.org_unit_id AND m.org_unit_id NOT IN (SELECT id FROM wanted)
       AND EXISTS (SELECT FROM registry.org_unit u WHERE u.version_id = $1::bigint AND u.source_ref = r.source_ref)
)
INSERT INTO registry.org_unit_group_member (org_unit_id, org_unit_group_id) SELECT w.id, k.id FROM wanted w, known k ON CONFLICT DO NOTHING
