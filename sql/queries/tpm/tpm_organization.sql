-- Staged firms into organization; of several names of one vendor the first by alphabet. c1 vendor, c2 name. What else is known of one that is a
-- partner, too, stays. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT c1::varchar(30) AS vendor_number, min(c2)::varchar(255) AS name
      FROM drumbeat_stage WHERE kind = 'row' AND ($1::bigint IS NULL OR record = $1::bigint)
     GROUP BY 1
), written AS (
    INSERT INTO registry.organization AS t (vendor_number, name)
    SELECT s.vendor_number, s.name FROM staged s LEFT JOIN registry.organization o USING (vendor_number)
     WHERE o.name IS DISTINCT FROM s.name
     ORDER BY s.vendor_number
    ON CONFLICT (vendor_number) DO UPDATE SET name = excluded.name
    RETURNING t.xmax = 0 AS is_new
)
SELECT NULL::bigint AS record, count(*) FILTER (WHERE is_new) AS created, count(*) FILTER (WHERE NOT is_new) AS updated, 0::bigint AS removed FROM written
