-- Partners that came with a type nobody knows: those that are here are hidden. c1 vendor, c2 country. $1 bigint record or NULL for all.
WITH written AS (
    UPDATE registry.partner_organization p SET hidden = true
      FROM drumbeat_stage s JOIN registry.organization o ON o.vendor_number = s.c1
     WHERE s.kind = 'unknown' AND ($1::bigint IS NULL OR s.record = $1::bigint) AND p.organization_id = o.id AND p.country_id = s.c2::bigint AND NOT p.hidden
    RETURNING p.id
)
SELECT NULL::bigint AS record, 0::bigint AS created, count(*) AS updated, 0::bigint AS removed FROM written
