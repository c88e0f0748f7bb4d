-- The partners of a workspace's list. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT s.record, p.id AS partner_id, (s.data->>'workspace_id')::bigint AS workspace_id
      FROM drumbeat_stage s JOIN registry.partner p ON p.vendor_number = s.data->>'vendor_number'
     WHERE s.kind = 'partner' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), differing AS (
    SELECT s.* FROM staged s LEFT JOIN registry.partner_workspace l USING (partner_id, workspace_id) WHERE l.is_active IS DISTINCT FROM true
), written AS (
    INSERT INTO registry.partner_workspace AS l (partner_id, workspace_id)
    SELECT partner_id, workspace_id FROM differing ORDER BY partner_id
    ON CONFLICT (partner_id, workspace_id) DO UPDATE SET is_active = true
    RETURNING l.partner_id, l.xmax = 0 AS is_new
)
SELECT s.record, count(*) FILTER (WHERE w.is_new) AS created, count(*) FILTER (WHERE NOT w.is_new) AS updated, 0::bigint AS removed
  FROM written w JOIN staged s USING (partner_id) GROUP BY s.record
