-- Org units from the stage. $1 bigint record or NULL for all. A geometry that could not be read leaves what was there; the status is set once. A valid
-- unit whose code another one has keeps what it has until dhis2_codes_*, since that one may be given another further on.
WITH staged AS (
    SELECT DISTINCT ON (r.version_id, r.source_ref) s.record, r.version_id, r.source_ref, btrim(r.name, E' \t\r\n') AS name,
           coalesce(btrim(r.code, E' \t\r\n'), '') AS code, r.validation_status, r.parent_source_ref, r.opening_date, r.closed_date, r.has_shape,
           r.geom, r.location,
           (SELECT t.id FROM registry.source_version v JOIN registry.org_unit_type t USING (data_source_id)
             WHERE v.id = r.version_id AND (t.depth = r.level OR t.depth IS NULL) ORDER BY t.depth NULLS LAST LIMIT 1) AS org_unit_type_id
      FROM drumbeat_stage s,
           jsonb_to_record(s.data) AS r(version_id bigint, source_ref text, name text, code text, validation_status varchar(25), level smallint,
                                        parent_source_ref text, opening_date date, closed_date date, has_shape boolean, geom jsonb, location jsonb)
     WHERE s.kind = 'unit' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     ORDER BY r.version_id, r.source_ref, s.record DESC
), coded AS (
    SELECT s.*, u.id, u.code AS old_code, h.id AS holder, coalesce(u.validation_status, s.validation_status) = 'VALID' AND s.code <> '' AS is_unique
      FROM staged s LEFT JOIN registry.org_unit u USING (version_id, source_ref)
      LEFT JOIN registry.org_unit h ON h.version_id = s.version_id AND h.code = s.code AND h.code <> '' AND h.validation_status = 'VALID'
), given AS (
    SELECT c.*, CASE WHEN is_unique AND holder IS NULL THEN row_number() OVER (PARTITION BY version_id, code, is_unique ORDER BY record) > 1
                     ELSE is_unique AND holder IS DISTINCT FROM id END AS is_taken
      FROM coded c
), wanted AS (
    SELECT record, version_id, source_ref, name, validation_status, parent_source_ref, opening_date, closed_date, has_shape, geom, location, org_unit_type_id,
           CASE WHEN is_taken THEN coalesce(old_code, '') ELSE code END AS code, CASE WHEN is_taken THEN code END AS code_told
      FROM given
), differing AS (
    SELECT s.*, CASE WHEN s.has_shape THEN s.geom ELSE u.geom END AS new_geom, CASE WHEN s.has_shape THEN s.location ELSE u.location END AS new_location
      FROM wanted s LEFT JOIN registry.org_unit u USING (version_id, source_ref)
     WHERE u.id IS NULL
        OR (u.name, u.code, u.code_told, u.org_unit_type_id, u.parent_source_ref, u.opening_date, u.closed_date) IS DISTINCT FROM
           (s.name, s.code, s.code_told, s.org_unit_type_id, s.parent_source_ref, s.opening_date, s.closed_date)
        OR (s.has_shape AND (u.geom, u.location) IS DISTINCT FROM (s.geom, s.location))
), written AS (
    INSERT INTO registry.org_unit AS u (version_id, source_ref, name, code, code_told, validation_status, org_unit_type_id, parent_source_ref,
                                        opening_date, closed_date, geom, location)
    SELECT version_id, source_ref, name, code, code_told, validation_status, org_unit_type_id, parent_source_ref, opening_date, closed_date, new_geom, new_location
      FROM differing ORDER BY source_ref
    ON CONFLICT (version_id, source_ref) DO UPDATE
       SET name = excluded.name, code = excluded.code, code_told = excluded.code_told, org_unit_type_id = excluded.org_unit_type_id,
           parent_source_ref = excluded.parent_source_ref, opening_date = excluded.opening_date, closed_date = excluded.closed_date,
           geom = excluded.geom, location = excluded.location, updated_at = clock_timestamp()
    RETURNING u.version_id, u.source_ref, u.xmax = 0 AS is_new
)
SELECT s.record, count(*) FILTER (WHERE w.is_new) AS created, count(*) FILTER (WHERE NOT w.is_new) AS updated, 0::bigint AS removed
  FROM written w JOIN staged s USING (version_id, source_ref) GROUP BY s.record
