-- Fund commitments: the header as the first of its lines has it, c1 to c8 as tasks/vision/fund_commitment.c names them, c20 country, c21 place. $1 bigint
-- record or NULL for all.
WITH staged AS (
    SELECT DISTINCT ON (c2) c1 AS vendor_code, c2 AS fc_number, c3::date AS document_date, c4 AS fc_type, c5 AS currency, c6 AS document_text,
           c7 AS exchange_rate, c8 AS responsible_person, c20::bigint AS country_id
      FROM drumbeat_stage
     WHERE kind = 'row' AND ($1::bigint IS NULL OR record = $1::bigint)
     ORDER BY c2, c21::bigint
), differing AS (
    SELECT s.* FROM staged s LEFT JOIN registry.fc_header h USING (fc_number, country_id)
     WHERE (h.vendor_code, h.document_date, h.fc_type, h.currency, h.document_text, h.exchange_rate, h.responsible_person) IS DISTINCT FROM
           (s.vendor_code, s.document_date, s.fc_type, s.currency, s.document_text, s.exchange_rate, s.responsible_person)
), written AS (
    INSERT INTO registry.fc_header AS t (fc_number, country_id, vendor_code, document_date, fc_type, currency, document_text, exchange_rate, responsible_person)
    SELECT fc_number, country_id, vendor_code, document_date, fc_type, currency, document_text, exchange_rate, responsible_person
      FROM differing ORDER BY fc_number
    ON CONFLICT (fc_number, country_id) DO UPDATE
       SET vendor_code = excluded.vendor_code, document_date = excluded.document_date, fc_type = excluded.fc_type, currency = excluded.currency,
           document_text = excluded.document_text, exchange_rate = excluded.exchange_rate, responsible_person = excluded.responsible_person
    RETURNING t.xmax = 0 AS is_new
)
SELECT NULL::bigint AS record, count(*) FILTER (WHERE is_new) AS created, count(*) FILTER (WHERE NOT is_new) AS updated, 0::bigint AS removed FROM written
