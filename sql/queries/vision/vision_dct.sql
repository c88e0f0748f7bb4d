-- Outstanding cash, summed up for each vendor: c1 vendor, c2 for 6 to 9 months, c3 for more than 9, c4 country, c5 place. A vendor that is no partner
-- here is left out and told. $1 bigint record or NULL for all.
WITH rows AS (
    SELECT s.record, s.c1 AS vendor_number, s.c5 AS place, s.c2::numeric AS to_9, s.c3::numeric AS over_9, p.id, p.organization_id
      FROM drumbeat_stage s
      LEFT JOIN registry.organization o ON o.vendor_number = s.c1
      LEFT JOIN registry.partner_organization p ON p.organization_id = o.id AND p.country_id = s.c4::bigint
     WHERE s.kind = 'row' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), sums AS (
    SELECT id, sum(coalesce(to_9, 0))::numeric(20,2) AS to_9, sum(coalesce(over_9, 0))::numeric(20,2) AS over_9 FROM rows WHERE id IS NOT NULL GROUP BY 1
), differing AS (
    SELECT s.* FROM sums s JOIN registry.partner_organization p USING (id)
     WHERE (p.outstanding_dct_amount_6_to_9_months_usd, p.outstanding_dct_amount_more_than_9_months_usd) IS DISTINCT FROM (s.to_9, s.over_9)
     ORDER BY p.organization_id FOR UPDATE OF p
), written AS (
    UPDATE registry.partner_organization p
       SET outstanding_dct_amount_6_to_9_months_usd = d.to_9, outstanding_dct_amount_more_than_9_months_usd = d.over_9
      FROM differing d WHERE p.id = d.id
    RETURNING p.id
), told AS (
    INSERT INTO drumbeat_stage (record, kind, c1, c2, c3, c4)
    SELECT record, 'told', place, vendor_number, 'VENDOR_CODE: no partner of this country', 'left out' FROM rows WHERE id IS NULL
)
SELECT NULL::bigint AS record, 0::bigint AS created, count(*) AS updated, 0::bigint AS removed FROM written
