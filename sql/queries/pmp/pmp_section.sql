-- Sections from the stage. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT ON (r.external_id, r.external_business_area_code) s.record, r.*
      FROM drumbeat_stage s,
           jsonb_to_record(s.data) AS r(external_id text, external_business_area_code varchar(32), name varchar(255), origin text,
                                        origin_at timestamptz)
     WHERE s.kind = 'section' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     ORDER BY r.external_id, r.external_business_area_code, r.origin_at DESC, r.origin DESC, r.name DESC
), written AS (
    INSERT INTO registry.section AS t (external_id, external_business_area_code, name, origin, origin_at)
    SELECT s.external_id, s.external_business_area_code, s.name, s.origin, s.origin_at
      FROM staged s LEFT JOIN registry.section t USING (external_id, external_business_area_code)
     WHERE t.id IS NULL OR ((s.origin_at, s.origin) >= (t.origin_at, t.origin) AND t.name <> s.name)
     ORDER BY 1, 2
    ON CONFLICT (external_id, external_business_area_code) DO UPDATE
       SET name = excluded.name, origin = excluded.origin, origin_at = excluded.origin_at
     WHERE (excluded.origin_at, excluded.origin) >= (t.origin_at, t.origin)
    RETURNING t.external_id, t.external_business_area_code, t.xmax = 0 AS is_new
)
SELECT s.record, count(*) FILTER (WHERE w.is_new) AS created, count(*) FILTER (WHERE NOT w.is_new) AS updated, 0::bigint AS removed
  FROM written w JOIN staged s USING (external_id, external_business_area_code) GROUP BY s.record
