-- Country programmes, each as the first row has it that has all of it: c1 name, c2 WBS, c3 and c4 first and last day, c27 country, c28 place. $1 bigint record
-- or NULL for all.
WITH staged AS (
    SELECT DISTINCT ON (c2) c1 AS name, c2 AS wbs, c3::date AS from_date, c4::date AS to_date, c27::bigint AS country_id, c28 AS place
      FROM drumbeat_stage
     WHERE kind = 'row' AND ($1::bigint IS NULL OR record = $1::bigint) AND c1 <> '' AND c2 <> '' AND c3 IS NOT NULL AND c4 IS NOT NULL
     ORDER BY c2, c28::bigint
), written AS (
    INSERT INTO registry.country_programme AS t (wbs, country_id, name, from_date, to_date)
    SELECT s.wbs, s.country_id, s.name, s.from_date, s.to_date
      FROM staged s LEFT JOIN registry.country_programme p USING (wbs, country_id)
     WHERE (p.name, p.from_date, p.to_date) IS DISTINCT FROM (s.name, s.from_date, s.to_date)
     ORDER BY s.wbs
    ON CONFLICT (wbs, country_id) DO UPDATE SET name = excluded.name, from_date = excluded.from_date, to_date = excluded.to_date
    RETURNING t.wbs, t.xmax = 0 AS is_new
), marked AS (
    INSERT INTO drumbeat_stage (record, kind, c1, c2)
    SELECT 0, 'mark', s.place, CASE WHEN w.is_new THEN 'new' ELSE 'changed' END FROM written w JOIN staged s USING (wbs)
)
SELECT NULL::bigint AS record, count(*) FILTER (WHERE is_new) AS created, count(*) FILTER (WHERE NOT is_new) AS updated, 0::bigint AS removed FROM written
