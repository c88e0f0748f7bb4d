-- After a complete pull of a workspace's partners: those that were not in it leave the workspace, and one that no list has any
-- more becomes inactive. $1 text[] vendor numbers that were in it, $2 bigint workspace, $3 text: the list's origin, whose word no
-- longer stands above that of others. One row: how many left.
WITH gone AS (
    UPDATE registry.partner_workspace l SET is_active = false
      FROM registry.partner p
     WHERE p.id = l.partner_id AND l.workspace_id = $2::bigint AND l.is_active AND p.vendor_number <> ALL ($1::text[])
    RETURNING l.partner_id
), lost AS (
    SELECT p.id, EXISTS (SELECT FROM registry.partner_workspace l
                          WHERE l.partner_id = p.id AND l.workspace_id <> $2::bigint AND l.is_active) AS elsewhere
      FROM registry.partner p WHERE p.id IN (SELECT partner_id FROM gone)
     ORDER BY p.vendor_number FOR UPDATE
), written AS (
    UPDATE registry.partner p
       SET is_active = lost.elsewhere, origin_at = CASE WHEN p.origin = $3::text THEN '-infinity' ELSE p.origin_at END
      FROM lost WHERE p.id = lost.id
)
SELECT count(*) FROM gone
