-- The totals of the staged reservations from their items: c2 reservation, c26 country. $1 bigint record or NULL for all.
WITH sums AS (
    SELECT h.id, sum(i.overall_amount) AS total_amt, sum(i.overall_amount_dc) AS total_amt_local
      FROM (SELECT DISTINCT c2, c26 FROM drumbeat_stage WHERE kind = 'row' AND ($1::bigint IS NULL OR record = $1::bigint)) s
      JOIN registry.fr_header h ON h.fr_number = s.c2 AND h.country_id = s.c26::bigint
      JOIN registry.fr_item i ON i.fund_reservation_id = h.id
     GROUP BY h.id
), written AS (
    UPDATE registry.fr_header h SET total_amt = s.total_amt, total_amt_local = s.total_amt_local
      FROM sums s
     WHERE h.id = s.id AND (h.total_amt, h.total_amt_local) IS DISTINCT FROM (s.total_amt, s.total_amt_local)
    RETURNING h.id
)
SELECT NULL::bigint AS record, 0::bigint AS created, count(*) AS updated, 0::bigint AS removed FROM written
