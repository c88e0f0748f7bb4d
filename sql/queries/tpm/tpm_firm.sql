-- Staged orders' firms into auditor_firm, of several countries of one vendor the first by alphabet: c1 vendor, c3 country. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT c1 AS vendor_number, coalesce(min(c3), '') AS country
      FROM drumbeat_stage WHERE kind = 'row' AND ($1::bigint IS NULL OR record = $1::bigint)
     GROUP BY 1
), written AS (
    INSERT INTO registry.auditor_firm AS t (organization_id, country, vision_synced)
    SELECT o.id, s.country, true
      FROM staged s JOIN registry.organization o USING (vendor_number)
      LEFT JOIN registry.auditor_firm f ON f.organization_id = o.id
     WHERE (f.country, f.vision_synced) IS DISTINCT FROM (s.country, true)
     ORDER BY o.id
    ON CONFLICT (organization_id) DO UPDATE SET country = excluded.country, vision_synced = true
    RETURNING t.xmax = 0 AS is_new
)
SELECT NULL::bigint AS record, count(*) FILTER (WHERE is_new) AS created, count(*) FILTER (WHERE NOT is_new) AS updated, 0::bigint AS removed FROM written
