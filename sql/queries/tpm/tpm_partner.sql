-- Staged firms into tpm_partner, of several rows of one vendor the first: c1 vendor, c3 to c10 as tasks/tpm/partners.c names them, c12 order. hidden =
-- deleted or blocked. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT ON (c1) c1 AS vendor_number, coalesce(c3, '') AS street_address, coalesce(c4, '') AS city, coalesce(c5, '') AS postal_code,
           coalesce(c6, '') AS country, coalesce(c7, '') AS email, coalesce(c8, '') AS phone_number, c9::boolean AS blocked, c10::boolean AS deleted_flag,
           c9::boolean OR c10::boolean AS hidden
      FROM drumbeat_stage WHERE kind = 'row' AND ($1::bigint IS NULL OR record = $1::bigint)
     ORDER BY c1, c12::bigint
), differing AS (
    SELECT o.id AS organization_id, s.*
      FROM staged s JOIN registry.organization o USING (vendor_number)
      LEFT JOIN registry.tpm_partner p ON p.organization_id = o.id
     WHERE (p.street_address, p.city, p.postal_code, p.country, p.email, p.phone_number, p.blocked, p.deleted_flag, p.hidden, p.vision_synced)
           IS DISTINCT FROM
           (s.street_address, s.city, s.postal_code, s.country, s.email, s.phone_number, s.blocked, s.deleted_flag, s.hidden, true)
), written AS (
    INSERT INTO registry.tpm_partner AS t (organization_id, street_address, city, postal_code, country, email, phone_number, blocked, deleted_flag, hidden, vision_synced)
    SELECT organization_id, street_address, city, postal_code, country, email, phone_number, blocked, deleted_flag, hidden, true
      FROM differing ORDER BY organization_id
    ON CONFLICT (organization_id) DO UPDATE
       SET street_address = excluded.street_address, city = excluded.city, postal_code = excluded.postal_code, country = excluded.country,
           email = excluded.email, phone_number = excluded.phone_number, blocked = excluded.blocked, deleted_flag = excluded.deleted_flag,
           hidden = excluded.hidden, vision_synced = true
    RETURNING t.xmax = 0 AS is_new
)
SELECT NULL::bigint AS record, count(*) FILTER (WHERE is_new) AS created, count(*) FILTER (WHERE NOT is_new) AS updated, 0::bigint AS removed FROM written
