-- Tell of levels that no row has all of, and leave out the rows that have all of no level: c1 to c26 as tasks/vision/programme.c names them, c27 country, c28
-- place. $1 bigint record or NULL for all.
WITH levels AS (
    SELECT s.record, s.c28 AS place, l.level, l.wbs, l.missing
      FROM drumbeat_stage s
     CROSS JOIN LATERAL (VALUES
           ('COUNTRY_PROGRAMME', c2, num_nulls(nullif(c1, ''), nullif(c2, ''), c3, c4)),
           ('OUTCOME', c6, num_nulls(nullif(c6, ''), nullif(c5, ''), nullif(c7, ''), c8, c9)),
           ('OUTPUT', c10, num_nulls(nullif(c10, ''), nullif(c11, ''), c12, c13, nullif(c14, ''), nullif(c15, ''), nullif(c16, ''), nullif(c17, ''))),
           ('ACTIVITY', c18, num_nulls(nullif(c18, ''), nullif(c19, ''), c20, c21, nullif(c22, ''), nullif(c23, ''), nullif(c24, ''), nullif(c25, ''),
                                       nullif(c26, '')))
           ) AS l(level, wbs, missing)
     WHERE s.kind = 'row' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), told AS (
    INSERT INTO drumbeat_stage (record, kind, c1, c2, c3)
    SELECT min(record), 'told', min(place::bigint)::text, wbs, level || '_WBS: left out, ' || min(missing) || ' of its members are missing'
      FROM levels WHERE wbs <> '' GROUP BY level, wbs HAVING min(missing) > 0
), empty AS (
    INSERT INTO drumbeat_stage (record, kind, c1, c3, c4)
    SELECT record, 'told', place, 'no level of it is complete', 'left out' FROM levels GROUP BY 1, 3 HAVING min(missing) > 0
)
SELECT NULL::bigint AS record, 0::bigint AS created, 0::bigint AS updated, 0::bigint AS removed
