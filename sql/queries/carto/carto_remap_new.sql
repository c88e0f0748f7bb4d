-- Of a remap table, what was not acted on before. $1 bigint CARTO table, $2 text[] old p_codes, $3 text[] new ones (NULL: the place is
-- gone), $4 int[] matching. One row an entry: old, new, how many active places have the old code, whether the new one is taken by
-- a place that keeps it.
WITH entries AS (
    SELECT o AS old, n AS new, m AS matching FROM unnest($2::text[], $3::text[], $4::bigint[]) AS e(o, n, m)
), unknown AS (
    SELECT e.* FROM entries e LEFT JOIN registry.carto_remap r ON r.carto_table_id = $1::bigint AND r.old_pcode = e.old
     WHERE r.old_pcode IS NULL OR (r.new_pcode, r.matching::bigint) IS DISTINCT FROM (e.new, e.matching)
)
SELECT u.old, u.new, (SELECT count(*) FROM registry.location t WHERE t.p_code = u.old AND t.is_active) AS places,
       EXISTS (SELECT FROM registry.location t
                WHERE t.p_code = u.new AND t.is_active AND NOT EXISTS (SELECT FROM unknown m WHERE m.old = t.p_code)) AS taken
  FROM unknown u
 ORDER BY u.old
