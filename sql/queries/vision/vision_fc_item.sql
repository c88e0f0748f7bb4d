-- The lines of fund commitments, of several with one number the last: c2 commitment, c9 to c19 as tasks/vision/fund_commitment.c names them, c20 country,
-- c21 place. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT ON (c2, c9::smallint) h.id AS fund_commitment_id, c9::smallint AS line_item, c2 || '-' || c9 AS fc_ref_number, c10 AS wbs,
           c11 AS grant_number, c12 AS fund, c13 AS gl_account, c14::date AS due_date, c15 AS fr_number, c16::numeric(20,2) AS commitment_amount,
           coalesce(c17::numeric(20,2), 0) AS commitment_amount_dc, coalesce(c18::numeric(20,2), 0) AS amount_changed, c19 AS line_item_text
      FROM drumbeat_stage JOIN registry.fc_header h ON h.fc_number = c2 AND h.country_id = c20::bigint
     WHERE kind = 'row' AND ($1::bigint IS NULL OR record = $1::bigint)
     ORDER BY c2, c9::smallint, c21::bigint DESC
), differing AS (
    SELECT s.* FROM staged s LEFT JOIN registry.fc_item i USING (fund_commitment_id, line_item)
     WHERE (i.fc_ref_number, i.wbs, i.grant_number, i.fund, i.gl_account, i.due_date, i.fr_number, i.commitment_amount, i.commitment_amount_dc, i.amount_changed,
            i.line_item_text) IS DISTINCT FROM
           (s.fc_ref_number, s.wbs, s.grant_number, s.fund, s.gl_account, s.due_date, s.fr_number, s.commitment_amount, s.commitment_amount_dc, s.amount_changed,
            s.line_item_text)
), written AS (
    INSERT INTO registry.fc_item AS t (fund_commitment_id, line_item, fc_ref_number, wbs, grant_number, fund, gl_account, due_date, fr_number, commitment_amount,
                                       commitment_amount_dc, amount_changed, line_item_text)
    SELECT fund_commitment_id, line_item, fc_ref_number, wbs, grant_number, fund, gl_account, due_date, fr_number, commitment_amount, commitment_amount_dc,
           amount_changed, line_item_text
      FROM differing ORDER BY fund_commitment_id, line_item
    ON CONFLICT (fund_commitment_id, line_item) DO UPDATE
       SET fc_ref_number = excluded.fc_ref_number, wbs = excluded.wbs, grant_number = excluded.grant_number, fund = excluded.fund,
           gl_account = excluded.gl_account, due_date = excluded.due_date, fr_number = excluded.fr_number, commitment_amount = excluded.commitment_amount,
           commitment_amount_dc = excluded.commitment_amount_dc, amount_changed = excluded.amount_changed, line_item_text = excluded.line_item_text
    RETURNING t.xmax = 0 AS is_new
)
SELECT NULL::bigint AS record, count(*) FILTER (WHERE is_new) AS created, count(*) FILTER (WHERE NOT is_new) AS updated, 0::bigint AS removed FROM written
