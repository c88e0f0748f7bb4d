-- Groups from the stage: those that units and group sets name, c3 a JSON array of {"id", "name"}, c4 version. $1 bigint record or NULL for all. One that
-- comes without a name keeps the one it has, else it is called by its id.
WITH staged AS (
    SELECT DISTINCT ON (version_id, g.id) version_id, g.id AS source_ref, g.name
      FROM (SELECT DISTINCT c3, c4::bigint AS version_id FROM drumbeat_stage
             WHERE kind IN ('unit', 'set') AND c3 IS NOT NULL AND ($1::bigint IS NULL OR record = $1::bigint)) s
     CROSS JOIN LATERAL jsonb_to_recordset(s.c3::jsonb) AS g(id text, name varchar(255))
     ORDER BY version_id, g.id, g.name
), written AS (
    INSERT INTO registry.org_unit_group AS g (source_version_id, source_ref, name)
    SELECT s.version_id, s.source_ref, coalesce(s.name, s.source_ref)
      FROM staged s LEFT JOIN registry.org_unit_group g ON g.source_version_id = s.version_id AND g.source_ref = s.source_ref
     WHERE g.id IS NULL OR g.name <> s.name
     ORDER BY s.source_ref
    ON CONFLICT (source_version_id, source_ref) DO UPDATE SET name = excluded.name
    RETURNING g.xmax = 0 AS is_new
)
SELECT NULL::bigint AS record, count(*) FILTER (WHERE is_new) AS created, count(*) FILTER (WHERE NOT is_new) AS updated, 0::bigint AS removed FROM written
