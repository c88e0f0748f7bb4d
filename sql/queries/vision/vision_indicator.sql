-- RAM indicators, of several rows of one code the last: c1 code, c2 name, c3 WBS of the output without slashes, c4 baseline, c5 target, c6 country, c7 place.
-- A new one of an output that is not here is left out, a known one keeps the output it has. $1 bigint record or NULL for all.
WITH coded AS (
    SELECT DISTINCT ON (c1) record, c1 AS code, c2 AS name, c4 AS baseline, c5 AS target, c6::bigint AS country_id, c7 AS place,
           CASE WHEN c3 LIKE '%/%' THEN c3
                ELSE concat_ws('/', left(c3, 4), substr(c3, 5, 2), substr(c3, 7, 2), substr(c3, 9, 3), substr(c3, 12, 3)) END AS wbs
      FROM drumbeat_stage
     WHERE kind = 'row' AND ($1::bigint IS NULL OR record = $1::bigint)
     ORDER BY c1, c7::bigint DESC
), staged AS (
    SELECT s.*, i.id, r.id IS NULL AS lost, coalesce(r.id, i.result_id) AS result_id
      FROM coded s
      LEFT JOIN registry.indicator i USING (code, country_id)
      LEFT JOIN registry.result r ON r.wbs = s.wbs AND r.country_id = s.country_id AND r.result_type = 'Output'
), written AS (
    INSERT INTO registry.indicator AS t (code, country_id, name, baseline, target, ram_indicator, active, result_id)
    SELECT s.code, s.country_id, s.name, s.baseline, s.target, true, true, s.result_id
      FROM staged s LEFT JOIN registry.indicator i USING (id)
     WHERE NOT (s.id IS NULL AND s.lost)
       AND (i.name, i.baseline, i.target, i.ram_indicator, i.active, i.result_id) IS DISTINCT FROM (s.name, s.baseline, s.target, true, true, s.result_id)
     ORDER BY s.code
    ON CONFLICT (code, country_id) DO UPDATE
       SET name = excluded.name, baseline = excluded.baseline, target = excluded.target, ram_indicator = true, active = true, result_id = excluded.result_id
    RETURNING t.xmax = 0 AS is_new
), told AS (
    INSERT INTO drumbeat_stage (record, kind, c1, c2, c3, c4)
    SELECT record, 'told', place, code, 'WBS_ELEMENT_CODE: no output ' || wbs || ' here', CASE WHEN id IS NULL THEN 'left out' END FROM staged WHERE lost
)
SELECT NULL::bigint AS record, count(*) FILTER (WHERE is_new) AS created, count(*) FILTER (WHERE NOT is_new) AS updated, 0::bigint AS removed FROM written
