-- The groups of version $1 bigint that have other org units than in version $2 bigint, of those units that both versions have: id in DHIS2, name,
-- units to add and units to take away (arrays of ids).
WITH shared AS (
    SELECT u.source_ref FROM registry.org_unit u JOIN registry.org_unit r ON r.source_ref = u.source_ref AND r.version_id = $2::bigint
     WHERE u.version_id = $1::bigint
), member AS (
    SELECT g.source_version_id, g.source_ref AS group_ref, u.source_ref AS unit_ref
      FROM registry.org_unit_group g
      JOIN registry.org_unit_group_member m ON m.org_unit_group_id = g.id
      JOIN registry.org_unit u ON u.id = m.org_unit_id
      JOIN shared s ON s.source_ref = u.source_ref
     WHERE g.source_version_id IN ($1::bigint, $2::bigint) AND g.source_ref IS NOT NULL
), change AS (
    SELECT coalesce(m.group_ref, t.group_ref) AS group_ref, m.unit_ref AS added, CASE WHEN m.unit_ref IS NULL THEN t.unit_ref END AS removed
      FROM (SELECT * FROM member WHERE source_version_id = $1::bigint) m
      FULL JOIN (SELECT * FROM member WHERE source_version_id = $2::bigint) t ON t.group_ref = m.group_ref AND t.unit_ref = m.unit_ref
     WHERE m.unit_ref IS NULL OR t.unit_ref IS NULL
)
SELECT c.group_ref, g.name, coalesce(jsonb_agg(c.added) FILTER (WHERE c.added IS NOT NULL), '[]') AS added,
       coalesce(jsonb_agg(c.removed) FILTER (WHERE c.removed IS NOT NULL), '[]') AS removed
  FROM change c JOIN registry.org_unit_group g ON g.source_version_id = $1::bigint AND g.source_ref = c.group_ref
 GROUP BY c.group_ref, g.name ORDER BY c.group_ref
