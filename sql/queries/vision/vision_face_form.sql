-- Face forms, of several rows of one number the last: c1 number, c2 vendor, c3 modality, c4 currency, c5 day of liquidation, c6 and c7 first and last day, c8
-- country, c9 place; the amounts are sums over kind 'transaction': c1 local, c2 USD, c4 place. One of a vendor that is no partner here is left out.
-- $1 bigint record or NULL for all.
WITH sums AS (
    SELECT c4 AS place, sum(coalesce(c1::numeric, 0))::numeric(20,2) AS amount_local, sum(coalesce(c2::numeric, 0))::numeric(20,2) AS amount_usd
      FROM drumbeat_stage WHERE kind = 'transaction' AND ($1::bigint IS NULL OR record = $1::bigint) GROUP BY 1
), staged AS (
    SELECT DISTINCT ON (s.c1) s.record, s.c1 AS face_number, s.c2 AS vendor_number, s.c3 AS modality, s.c4 AS currency, s.c5::date AS date_of_liquidation,
           s.c6::date AS start_date, s.c7::date AS end_date, s.c8::bigint AS country_id, s.c9 AS place, p.id AS partner_id,
           coalesce(a.amount_local, 0) AS amount_local, coalesce(a.amount_usd, 0) AS amount_usd
      FROM drumbeat_stage s
      LEFT JOIN sums a ON a.place = s.c9
      LEFT JOIN registry.organization o ON o.vendor_number = s.c2
      LEFT JOIN registry.partner_organization p ON p.organization_id = o.id AND p.country_id = s.c8::bigint
     WHERE s.kind = 'row' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     ORDER BY s.c1, s.c9::bigint DESC
), written AS (
    INSERT INTO registry.face_form AS t (face_number, country_id, partner_id, start_date, end_date, date_of_liquidation, modality, currency, amount_local, amount_usd)
    SELECT s.face_number, s.country_id, s.partner_id, s.start_date, s.end_date, s.date_of_liquidation, s.modality, s.currency, s.amount_local, s.amount_usd
      FROM staged s LEFT JOIN registry.face_form f USING (face_number, country_id)
     WHERE s.partner_id IS NOT NULL
       AND (f.partner_id, f.start_date, f.end_date, f.date_of_liquidation, f.modality, f.currency, f.amount_local, f.amount_usd) IS DISTINCT FROM
           (s.partner_id, s.start_date, s.end_date, s.date_of_liquidation, s.modality, s.currency, s.amount_local, s.amount_usd)
     ORDER BY s.face_number
    ON CONFLICT (face_number, country_id) DO UPDATE
       SET partner_id = excluded.partner_id, start_date = excluded.start_date, end_date = excluded.end_date, date_of_liquidation = excluded.date_of_liquidation,
           modality = excluded.modality, currency = excluded.currency, amount_local = excluded.amount_local, amount_usd = excluded.amount_usd
    RETURNING t.xmax = 0 AS is_new
), told AS (
    INSERT INTO drumbeat_stage (record, kind, c1, c2, c3, c4)
    SELECT record, 'told', place, face_number, 'IMPLEMENTING_PARNTER_CODE: no partner ' || vendor_number || ' of this country', 'left out'
      FROM staged WHERE partner_id IS NULL
)
SELECT NULL::bigint AS record, count(*) FILTER (WHERE is_new) AS created, count(*) FILTER (WHERE NOT is_new) AS updated, 0::bigint AS removed FROM written
