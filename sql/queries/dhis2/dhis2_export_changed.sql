-- The org units of version $1 bigint that version $2 bigint lacks or has otherwise, parents first, with $3 boolean those that nobody validated
-- too; at most $4 bigint.
WITH RECURSIVE tree(id, depth) AS (
    SELECT u.id, 1 FROM registry.org_unit u WHERE u.version_id = $1::bigint AND u.parent_id IS NULL
    UNION ALL
    SELECT u.id, t.depth + 1 FROM tree t JOIN registry.org_unit u ON u.parent_id = t.id AND u.version_id = $1::bigint
)
SELECT u.id
  FROM tree t JOIN registry.org_unit u USING (id)
  LEFT JOIN registry.org_unit p ON p.id = u.parent_id
  LEFT JOIN registry.org_unit r ON r.version_id = $2::bigint AND r.source_ref = u.source_ref
 WHERE u.source_ref IS NOT NULL AND (u.validation_status = 'VALID' OR ($3::boolean AND u.validation_status = 'NEW'))
   AND (r.id IS NULL OR registry.org_unit_as_dhis2(u, coalesce(p.source_ref, u.parent_source_ref))
                        IS DISTINCT FROM registry.org_unit_as_dhis2(r, r.parent_source_ref))
 ORDER BY t.depth, u.source_ref LIMIT $4::bigint
