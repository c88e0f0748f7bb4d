-- Outstanding cash, summed up for each vendor: c1 vendor, c2 for 6 to 9 months, c3 for more than 9, c4 country. A vendor that is no partner here is left out.
-- $1 bigint record or NULL for all.
WITH staged AS (
    SELECT c1 AS vendor_number, c4::bigint AS country_id, sum(coalesce(c2::numeric, 0))::numeric(20,2) AS to_9, sum(coalesce(c3::numeric, 0))::numeric(20,2) AS over_9
      FROM drumbeat_stage WHERE kind = 'row' AND ($1::bigint IS NULL OR record = $1::bigint)
     GROUP BY 1, 2
), differing AS (
    SELECT p.id, s.to_9, s.over_9
      FROM staged s JOIN registry.organization o USING (vendor_number)
      JOIN registry.partner_organization p ON p.organization_id = o.id AND p.country_id = s.country_id
     WHERE (p.outstanding_dct_amount_6_to_9_months_usd, p.outstanding_dct_amount_more_than_9_months_usd) IS DISTINCT FROM (s.to_9, s.over_9)
     ORDER BY p.organization_id FOR UPDATE OF p
), written AS (
    UPDATE registry.partner_organization p
       SET outstanding_dct_amount_6_to_9_months_usd = d.to_9, outstanding_dct_amount_more_than_9_months_usd = d.over_9
      FROM differing d WHERE p.id = d.id
    RETURNING p.id
)
SELECT NULL::bigint AS record, 0::bigint AS created, count(*) AS updated, 0::bigint AS removed FROM written
