-- Group sets from the stage: c1 id, c2 name, c4 version. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT ON (c4, c1) record, c4::bigint AS version_id, c1 AS source_ref, c2::varchar(255) AS name
      FROM drumbeat_stage
     WHERE kind = 'set' AND ($1::bigint IS NULL OR record = $1::bigint)
     ORDER BY c4, c1, record
), written AS (
    INSERT INTO registry.group_set AS g (source_version_id, source_ref, name)
    SELECT s.version_id, s.source_ref, s.name
      FROM staged s LEFT JOIN registry.group_set g ON g.source_version_id = s.version_id AND g.source_ref = s.source_ref
     WHERE g.id IS NULL OR g.name <> s.name
     ORDER BY s.source_ref
    ON CONFLICT (source_version_id, source_ref) DO UPDATE SET name = excluded.name
    RETURNING g.xmax = 0 AS is_new
)
SELECT NULL::bigint AS record, count(*) FILTER (WHERE is_new) AS created, count(*) FILTER (WHERE NOT is_new) AS updated, 0::bigint AS removed FROM written
