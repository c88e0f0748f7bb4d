-- Fund reservations: the header as the first of its lines has it, c1 to c8, c19 to c25 as tasks/vision/fund_reservation.c names them, c26 country, c27
-- place; the totals are those of its items, which are written later. A new one is delegated when the run (kind 'run') says so. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT ON (c2) c1 AS vendor_code, c2 AS fr_number, c3::date AS document_date, c4 AS fr_type, c5 AS currency, c6 AS document_text,
           c7::date AS start_date, c8::date AS end_date, coalesce(c19::numeric(20,2), 0) AS intervention_amt, coalesce(c20::numeric(20,2), 0) AS actual_amt,
           coalesce(c21::numeric(20,2), 0) AS actual_amt_local, coalesce(c22::numeric(20,2), 0) AS outstanding_amt,
           coalesce(c23::numeric(20,2), 0) AS outstanding_amt_local, c24::boolean AS multi_curr_flag, c25::boolean AS completed_flag, c26::bigint AS country_id
      FROM drumbeat_stage
     WHERE kind = 'row' AND ($1::bigint IS NULL OR record = $1::bigint)
     ORDER BY c2, c27::bigint
), differing AS (
    SELECT s.* FROM staged s LEFT JOIN registry.fr_header h USING (fr_number, country_id)
     WHERE (h.vendor_code, h.document_date, h.fr_type, h.currency, h.document_text, h.start_date, h.end_date, h.intervention_amt, h.actual_amt,
            h.actual_amt_local, h.outstanding_amt, h.outstanding_amt_local, h.multi_curr_flag, h.completed_flag)
           IS DISTINCT FROM
           (s.vendor_code, s.document_date, s.fr_type, s.currency, s.document_text, s.start_date, s.end_date, s.intervention_amt, s.actual_amt,
            s.actual_amt_local, s.outstanding_amt, s.outstanding_amt_local, s.multi_curr_flag, s.completed_flag)
), written AS (
    INSERT INTO registry.fr_header AS t (fr_number, country_id, vendor_code, document_date, fr_type, currency, document_text, start_date, end_date,
               intervention_amt, actual_amt, actual_amt_local, outstanding_amt, outstanding_amt_local, multi_curr_flag, completed_flag, delegated)
    SELECT fr_number, country_id, vendor_code, document_date, fr_type, currency, document_text, start_date, end_date,
           intervention_amt, actual_amt, actual_amt_local, outstanding_amt, outstanding_amt_local, multi_curr_flag, completed_flag,
           EXISTS (SELECT FROM drumbeat_stage WHERE kind = 'run' AND c4::boolean)
      FROM differing ORDER BY fr_number
    ON CONFLICT (fr_number, country_id) DO UPDATE
       SET vendor_code = excluded.vendor_code, document_date = excluded.document_date, fr_type = excluded.fr_type, currency = excluded.currency,
           document_text = excluded.document_text, start_date = excluded.start_date, end_date = excluded.end_date,
           intervention_amt = excluded.intervention_amt, actual_amt = excluded.actual_amt, actual_amt_local = excluded.actual_amt_local,
           outstanding_amt = excluded.outstanding_amt, outstanding_amt_local = excluded.outstanding_amt_local, multi_curr_flag = excluded.multi_curr_flag,
           completed_flag = excluded.completed_flag
    RETURNING t.xmax = 0 AS is_new
)
SELECT NULL::bigint AS record, count(*) FILTER (WHERE is_new) AS created, count(*) FILTER (WHERE NOT is_new) AS updated, 0::bigint AS removed FROM written
