-- Org units from the stage: c1 id, c2 name, c4 version, c5 code, c6 level, c7 parent's id, c8 opening and c9 closed date, c10 status of a new one, c12
-- GeoJSON, c13 whether it could be read. $1 bigint record or NULL for all. A geometry that could not be read leaves what was there; the status is set once. A valid
-- unit whose code another one has keeps what it has until dhis2_codes_*, since that one may be given another further on. Where the parent of a new one is
-- known it is there at once; all others are for dhis2_parent.
WITH staged AS (
    SELECT DISTINCT ON (c4, c1) record, c4::bigint AS version_id, c1 AS source_ref, btrim(c2, E' \t\r\n') AS name, coalesce(btrim(c5, E' \t\r\n'), '') AS code,
           c6::smallint AS level, c7 AS parent_source_ref, c8::date AS opening_date, c9::date AS closed_date, c10::varchar(25) AS validation_status,
           c12::jsonb AS shape, c13::boolean AS has_shape
      FROM drumbeat_stage
     WHERE kind = 'unit' AND ($1::bigint IS NULL OR record = $1::bigint)
     ORDER BY c4, c1, record DESC
), typed AS MATERIALIZED (
    SELECT version_id, level,
           (SELECT t.id FROM registry.source_version v JOIN registry.org_unit_type t USING (data_source_id)
             WHERE v.id = version_id AND (t.depth = level OR t.depth IS NULL) ORDER BY t.depth NULLS LAST LIMIT 1) AS org_unit_type_id
      FROM (SELECT DISTINCT version_id, level FROM staged) l
), coded AS (
    SELECT s.*, t.org_unit_type_id, p.id AS parent_id, u AS old, h.id AS holder, coalesce(u.validation_status, s.validation_status) = 'VALID' AND s.code <> '' AS is_unique
      FROM staged s JOIN typed t ON t.version_id = s.version_id AND t.level IS NOT DISTINCT FROM s.level
      LEFT JOIN registry.org_unit u ON u.version_id = s.version_id AND u.source_ref = s.source_ref
      LEFT JOIN registry.org_unit p ON p.version_id = s.version_id AND p.source_ref = s.parent_source_ref
      LEFT JOIN registry.org_unit h ON h.version_id = s.version_id AND h.code = s.code AND h.code <> '' AND h.validation_status = 'VALID'
), given AS (
    SELECT c.*, CASE WHEN is_unique AND holder IS NULL THEN row_number() OVER (PARTITION BY version_id, code, is_unique ORDER BY record) > 1
                     ELSE is_unique AND holder IS DISTINCT FROM (old).id END AS is_taken
      FROM coded c
), wanted AS (
    SELECT record, version_id, source_ref, name, validation_status, parent_source_ref, parent_id, opening_date, closed_date, org_unit_type_id, old,
           CASE WHEN is_taken THEN coalesce((old).code, '') ELSE code END AS code, CASE WHEN is_taken THEN code END AS code_told,
           CASE WHEN NOT has_shape THEN (old).geom WHEN shape->>'type' <> 'Point' THEN shape END AS geom,
           CASE WHEN NOT has_shape THEN (old).location WHEN shape->>'type' = 'Point' THEN shape END AS location
      FROM given
), differing AS (
    SELECT * FROM wanted w
     WHERE (old).id IS NULL
        OR ((old).name, (old).code, (old).code_told, (old).org_unit_type_id, (old).parent_source_ref, (old).opening_date, (old).closed_date, (old).geom, (old).location)
           IS DISTINCT FROM (name, code, code_told, org_unit_type_id, parent_source_ref, opening_date, closed_date, geom, location)
), written AS (
    INSERT INTO registry.org_unit (version_id, source_ref, name, code, code_told, validation_status, org_unit_type_id, parent_source_ref, parent_id,
                                   opening_date, closed_date, geom, location)
    SELECT version_id, source_ref, name, code, code_told, validation_status, org_unit_type_id, parent_source_ref, parent_id, opening_date, closed_date, geom, location
      FROM differing ORDER BY source_ref
    ON CONFLICT (version_id, source_ref) DO UPDATE
       SET name = excluded.name, code = excluded.code, code_told = excluded.code_told, org_unit_type_id = excluded.org_unit_type_id,
           parent_source_ref = excluded.parent_source_ref, opening_date = excluded.opening_date, closed_date = excluded.closed_date,
           geom = excluded.geom, location = excluded.location, updated_at = clock_timestamp()
)
SELECT record, ((old).id IS NULL)::integer::bigint AS created, ((old).id IS NOT NULL)::integer::bigint AS updated, 0::bigint AS removed FROM differing
