-- The way from the root to each org unit of version $1 bigint. Writes only what differs.
WITH RECURSIVE tree(id, path) AS (
    SELECT u.id, u.id::text FROM registry.org_unit u
     WHERE u.version_id = $1::bigint AND u.parent_id IS NULL AND u.parent_source_ref IS NULL
    UNION ALL
    SELECT u.id, t.path || '.' || u.id FROM tree t JOIN registry.org_unit u ON u.parent_id = t.id AND u.version_id = $1::bigint
)
UPDATE registry.org_unit u SET path = t.path
  FROM registry.org_unit me LEFT JOIN tree t ON t.id = me.id
 WHERE me.version_id = $1::bigint AND u.id = me.id AND u.path IS DISTINCT FROM t.path
