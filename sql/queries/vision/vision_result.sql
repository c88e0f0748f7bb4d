-- Outcomes, outputs and activities, each as the first row has it that has all of it: c5 to c26 as tasks/vision/programme.c names them, c27 country, c28
-- place. A programme that an answer does not name keeps what belongs to it. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT ON (l.wbs) s.c27::bigint AS country_id, s.c28 AS place, l.*
      FROM drumbeat_stage s
     CROSS JOIN LATERAL (VALUES
           ('Outcome', c6, c7, c5, c8::date, c9::date, NULL, NULL, NULL, NULL, NULL, NULL, false, NULL, NULL,
            num_nulls(nullif(c5, ''), nullif(c7, ''), c8, c9)),
           ('Output', c10, c11, NULL, c12::date, c13::date, NULL, NULL, NULL, NULL, c16, c17, false, c14, c15,
            num_nulls(nullif(c11, ''), c12, c13, nullif(c14, ''), nullif(c15, ''), nullif(c16, ''), nullif(c17, ''))),
           ('Activity', c18, c19, NULL, c20::date, c21::date, c22, c23, c24, c25, NULL, NULL, upper(c26) NOT IN ('N', 'NO', 'NONE', '0', 'FALSE'), NULL, NULL,
            num_nulls(nullif(c19, ''), c20, c21, nullif(c22, ''), nullif(c23, ''), nullif(c24, ''), nullif(c25, ''), nullif(c26, '')))
           ) AS l(result_type, wbs, name, code, from_date, to_date, sic_code, sic_name, gic_code, gic_name, programme_area_code, programme_area_name,
                  humanitarian_tag, humanitarian_marker_code, humanitarian_marker_name, missing)
     WHERE s.kind = 'row' AND ($1::bigint IS NULL OR s.record = $1::bigint) AND l.wbs <> '' AND l.missing = 0
     ORDER BY l.wbs, s.c28::bigint
), differing AS (
    SELECT s.*, coalesce(p.id, r.country_programme_id) AS country_programme_id
      FROM staged s
      LEFT JOIN registry.result r USING (wbs, country_id)
      LEFT JOIN registry.country_programme p ON p.wbs = left(s.wbs, 10) AND p.country_id = s.country_id
     WHERE (r.result_type, r.name, r.code, r.from_date, r.to_date, r.sic_code, r.sic_name, r.gic_code, r.gic_name, r.programme_area_code,
            r.programme_area_name, r.humanitarian_tag, r.humanitarian_marker_code, r.humanitarian_marker_name, r.country_programme_id) IS DISTINCT FROM
           (s.result_type, s.name, s.code, s.from_date, s.to_date, s.sic_code, s.sic_name, s.gic_code, s.gic_name, s.programme_area_code,
            s.programme_area_name, s.humanitarian_tag, s.humanitarian_marker_code, s.humanitarian_marker_name, coalesce(p.id, r.country_programme_id))
), written AS (
    INSERT INTO registry.result AS t (wbs, country_id, country_programme_id, result_type, name, code, from_date, to_date, sic_code, sic_name, gic_code, gic_name,
               programme_area_code, programme_area_name, humanitarian_tag, humanitarian_marker_code, humanitarian_marker_name)
    SELECT wbs, country_id, country_programme_id, result_type, name, code, from_date, to_date, sic_code, sic_name, gic_code, gic_name,
           programme_area_code, programme_area_name, humanitarian_tag, humanitarian_marker_code, humanitarian_marker_name
      FROM differing ORDER BY wbs
    ON CONFLICT (wbs, country_id) DO UPDATE
       SET country_programme_id = excluded.country_programme_id, result_type = excluded.result_type, name = excluded.name, code = excluded.code,
           from_date = excluded.from_date, to_date = excluded.to_date, sic_code = excluded.sic_code, sic_name = excluded.sic_name,
           gic_code = excluded.gic_code, gic_name = excluded.gic_name, programme_area_code = excluded.programme_area_code,
           programme_area_name = excluded.programme_area_name, humanitarian_tag = excluded.humanitarian_tag,
           humanitarian_marker_code = excluded.humanitarian_marker_code, humanitarian_marker_name = excluded.humanitarian_marker_name
    RETURNING t.wbs, t.xmax = 0 AS is_new
), marked AS (
    INSERT INTO drumbeat_stage (record, kind, c1, c2)
    SELECT 0, 'mark', d.place, CASE WHEN w.is_new THEN 'new' ELSE 'changed' END FROM written w JOIN differing d USING (wbs)
)
SELECT NULL::bigint AS record, count(*) FILTER (WHERE is_new) AS created, count(*) FILTER (WHERE NOT is_new) AS updated, 0::bigint AS removed FROM written
