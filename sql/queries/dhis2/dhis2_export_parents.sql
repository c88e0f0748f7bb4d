-- Put the org units of version $1 bigint below the parents that they name. No row.
UPDATE registry.org_unit u SET parent_id = p.id
  FROM registry.org_unit p
 WHERE u.version_id = $1::bigint AND p.version_id = u.version_id AND p.source_ref = u.parent_source_ref AND u.parent_id IS DISTINCT FROM p.id
