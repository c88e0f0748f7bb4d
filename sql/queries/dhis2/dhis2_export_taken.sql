-- DHIS2 has the org units $3 text[] of version $1 bigint now: version $2 bigint, which says what it has, says so too. No row.
INSERT INTO registry.org_unit AS r (version_id, source_ref, name, code, org_unit_type_id, parent_source_ref, opening_date, closed_date, geom, location)
SELECT $2::bigint, u.source_ref, u.name, u.code, u.org_unit_type_id, coalesce(p.source_ref, u.parent_source_ref), u.opening_date, u.closed_date, u.geom,
       u.location
  FROM registry.org_unit u LEFT JOIN registry.org_unit p ON p.id = u.parent_id
 WHERE u.version_id = $1::bigint AND u.source_ref = ANY ($3::text[])
 ORDER BY u.source_ref
ON CONFLICT (version_id, source_ref) DO UPDATE
   SET name = excluded.name, code = excluded.code, parent_source_ref = excluded.parent_source_ref, opening_date = excluded.opening_date,
       closed_date = excluded.closed_date, geom = excluded.geom, location = excluded.location, updated_at = clock_timestamp()
