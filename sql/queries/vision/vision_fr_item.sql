-- The lines of fund reservations, of several with one number the last: c2 reservation, c9 to c18 as tasks/vision/fund_reservation.c names them, c26
-- country, c27 place. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT ON (c2, c9::smallint) h.id AS fund_reservation_id, c9::smallint AS line_item, c2 || '-' || c9 AS fr_ref_number, c10 AS wbs, c11 AS grant_number,
           c12 AS donor, c13 AS donor_code, c14 AS fund, c15::numeric(20,2) AS overall_amount, coalesce(c16::numeric(20,2), 0) AS overall_amount_dc,
           c17 AS line_item_text, c18::date AS due_date
      FROM drumbeat_stage JOIN registry.fr_header h ON h.fr_number = c2 AND h.country_id = c26::bigint
     WHERE kind = 'row' AND ($1::bigint IS NULL OR record = $1::bigint)
     ORDER BY c2, c9::smallint, c27::bigint DESC
), differing AS (
    SELECT s.* FROM staged s LEFT JOIN registry.fr_item i USING (fund_reservation_id, line_item)
     WHERE (i.fr_ref_number, i.wbs, i.grant_number, i.donor, i.donor_code, i.fund, i.overall_amount, i.overall_amount_dc, i.line_item_text, i.due_date)
           IS DISTINCT FROM
           (s.fr_ref_number, s.wbs, s.grant_number, s.donor, s.donor_code, s.fund, s.overall_amount, s.overall_amount_dc, s.line_item_text, s.due_date)
), written AS (
    INSERT INTO registry.fr_item AS t (fund_reservation_id, line_item, fr_ref_number, wbs, grant_number, donor, donor_code, fund, overall_amount,
                                       overall_amount_dc, line_item_text, due_date)
    SELECT fund_reservation_id, line_item, fr_ref_number, wbs, grant_number, donor, donor_code, fund, overall_amount, overall_amount_dc, line_item_text, due_date
      FROM differing ORDER BY fund_reservation_id, line_item
    ON CONFLICT (fund_reservation_id, line_item) DO UPDATE
       SET fr_ref_number = excluded.fr_ref_number, wbs = excluded.wbs, grant_number = excluded.grant_number, donor = excluded.donor,
           donor_code = excluded.donor_code, fund = excluded.fund, overall_amount = excluded.overall_amount, overall_amount_dc = excluded.overall_amount_dc,
           line_item_text = excluded.line_item_text, due_date = excluded.due_date
    RETURNING t.xmax = 0 AS is_new
)
SELECT NULL::bigint AS record, count(*) FILTER (WHERE is_new) AS created, count(*) FILTER (WHERE NOT is_new) AS updated, 0::bigint AS removed FROM written
