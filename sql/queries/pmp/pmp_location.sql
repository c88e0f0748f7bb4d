-- Places from the stage. $1 bigint record or NULL for all. What a document does not say of a place stays as it was; the id is the one it first came with.
WITH staged AS (
    SELECT DISTINCT ON (r.name, r.p_code, r.admin_level) s.record, r.*
      FROM drumbeat_stage s,
           jsonb_to_record(s.data) AS r(external_id text, external_source varchar(32), name varchar(254), p_code varchar(32), admin_level smallint,
                                        admin_level_name varchar(64), parent_p_code varchar(32), origin text, origin_at timestamptz)
     WHERE s.kind = 'location' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     ORDER BY r.name, r.p_code, r.admin_level, r.origin_at DESC, r.origin DESC, num_nulls(r.admin_level_name, r.parent_p_code),
              r.admin_level_name DESC, r.parent_p_code DESC
), written AS (
    INSERT INTO registry.location AS t (external_id, external_source, name, p_code, admin_level, admin_level_name, parent_p_code, origin,
                                       origin_at)
    SELECT s.external_id, s.external_source, s.name, s.p_code, s.admin_level, coalesce(s.admin_level_name, t.admin_level_name),
           coalesce(s.parent_p_code, t.parent_p_code), s.origin, s.origin_at
      FROM staged s LEFT JOIN registry.location t USING (name, p_code, admin_level)
     WHERE t.id IS NULL
        OR NOT t.is_active
        OR ((s.origin_at, s.origin) >= (t.origin_at, t.origin)
            AND (t.admin_level_name, t.parent_p_code) IS DISTINCT FROM
                (coalesce(s.admin_level_name, t.admin_level_name), coalesce(s.parent_p_code, t.parent_p_code)))
        OR (t.parent_p_code IS NULL AND s.parent_p_code IS NOT NULL)
     ORDER BY s.name, s.p_code, s.admin_level
    ON CONFLICT (name, p_code, admin_level) DO UPDATE
       SET admin_level_name = excluded.admin_level_name, parent_p_code = excluded.parent_p_code, is_active = true, modified = clock_timestamp(), origin = excluded.origin,
           origin_at = excluded.origin_at
    RETURNING t.name, t.p_code, t.admin_level, t.xmax = 0 AS is_new
)
SELECT s.record, count(*) FILTER (WHERE w.is_new) AS created, count(*) FILTER (WHERE NOT w.is_new) AS updated, 0::bigint AS removed
  FROM written w JOIN staged s USING (name, p_code, admin_level) GROUP BY s.record
