-- The roles of people with partners that are marked for deletion end in this country: c1 vendor, c13 deleted, c27 country, c28 place. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT ON (c1) c1 AS vendor_number, c13::boolean AS deleted, c27::bigint AS country_id
      FROM drumbeat_stage
     WHERE kind = 'row' AND ($1::bigint IS NULL OR record = $1::bigint)
     ORDER BY c1, c28::bigint DESC
), written AS (
    UPDATE registry.realm r SET is_active = false
      FROM staged s JOIN registry.partner p USING (vendor_number)
     WHERE s.deleted AND r.partner_id = p.id AND r.workspace_id = s.country_id AND r.is_active
    RETURNING r.user_id
)
SELECT NULL::bigint AS record, 0::bigint AS created, 0::bigint AS updated, count(*) AS removed FROM written
