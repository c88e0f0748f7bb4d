-- Purchase orders as the first of their lines has them: c1 vendor, c4 number, c5 and c6 first and last day, c9 order. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT ON (c4) c4 AS order_number, c1 AS vendor_number, c5::date AS contract_start_date, c6::date AS contract_end_date
      FROM drumbeat_stage WHERE kind = 'row' AND ($1::bigint IS NULL OR record = $1::bigint)
     ORDER BY c4, c9::bigint
), differing AS (
    SELECT s.order_number, f.id AS auditor_firm_id, s.contract_start_date, s.contract_end_date
      FROM staged s JOIN registry.organization o USING (vendor_number) JOIN registry.auditor_firm f ON f.organization_id = o.id
      LEFT JOIN registry.purchase_order p USING (order_number)
     WHERE (p.auditor_firm_id, p.contract_start_date, p.contract_end_date) IS DISTINCT FROM (f.id, s.contract_start_date, s.contract_end_date)
        OR p.id IS NULL
), written AS (
    INSERT INTO registry.purchase_order AS t (order_number, auditor_firm_id, contract_start_date, contract_end_date)
    SELECT order_number, auditor_firm_id, contract_start_date, contract_end_date FROM differing ORDER BY order_number
    ON CONFLICT (order_number) DO UPDATE
       SET auditor_firm_id = excluded.auditor_firm_id, contract_start_date = excluded.contract_start_date, contract_end_date = excluded.contract_end_date
    RETURNING t.xmax = 0 AS is_new
)
SELECT NULL::bigint AS record, count(*) FILTER (WHERE is_new) AS created, count(*) FILTER (WHERE NOT is_new) AS updated, 0::bigint AS removed FROM written
