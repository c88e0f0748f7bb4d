-- The way from the root to each org unit of version $1 bigint. Writes only what differs. Rows are found by their ids one after the other, or by hashes: never
-- two lists joined row by row, which the planner would think cheap while it does not know yet how many came.
WITH RECURSIVE tree(id, path) AS (
    SELECT u.id, u.id::text FROM registry.org_unit u
     WHERE u.version_id = $1::bigint AND u.parent_id IS NULL AND u.parent_source_ref IS NULL
    UNION ALL
    SELECT u.id, t.path || '.' || u.id FROM tree t JOIN registry.org_unit u ON u.parent_id = t.id AND u.version_id = $1::bigint
), wanted AS (
    SELECT id, path FROM tree
    UNION ALL
    SELECT u.id, NULL FROM registry.org_unit u WHERE u.version_id = $1::bigint AND u.path IS NOT NULL AND u.id NOT IN (SELECT id FROM tree)
)
UPDATE registry.org_unit u SET path = w.path FROM wanted w WHERE u.id = w.id AND u.path IS DISTINCT FROM w.path
