-- Groups from the stage. $1 bigint record or NULL for all. One that comes without a name keeps the one it has, else it is called by its id.
WITH staged AS (
    SELECT DISTINCT ON (r.version_id, r.source_ref) s.record, r.*
      FROM drumbeat_stage s, jsonb_to_record(s.data) AS r(version_id bigint, source_ref text, name varchar(255))
     WHERE s.kind = 'group' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     ORDER BY r.version_id, r.source_ref, r.name, s.record
), written AS (
    INSERT INTO registry.org_unit_group AS g (source_version_id, source_ref, name)
    SELECT s.version_id, s.source_ref, coalesce(s.name, s.source_ref)
      FROM staged s LEFT JOIN registry.org_unit_group g ON g.source_version_id = s.version_id AND g.source_ref = s.source_ref
     WHERE g.id IS NULL OR g.name <> s.name
     ORDER BY s.source_ref
    ON CONFLICT (source_version_id, source_ref) DO UPDATE SET name = excluded.name
    RETURNING g.source_version_id AS version_id, g.source_ref, g.xmax = 0 AS is_new
)
SELECT s.record, count(*) FILTER (WHERE w.is_new) AS created, count(*) FILTER (WHERE NOT w.is_new) AS updated, 0::bigint AS removed
  FROM written w JOIN staged s USING (version_id, source_ref) GROUP BY s.record
