-- What is new in a version that was there before goes into a group of its own, which the units (c1 id, c4 version) name as c11. $1 bigint record or NULL
-- for all. Runs in the transaction of dhis2_unit, after it.
WITH fresh AS (
    SELECT u.id, u.version_id, s.c11 AS name
      FROM drumbeat_stage s
      JOIN registry.org_unit u ON u.version_id = s.c4::bigint AND u.source_ref = s.c1
     WHERE s.kind = 'unit' AND s.c11 IS NOT NULL AND ($1::bigint IS NULL OR s.record = $1::bigint) AND u.created_at >= transaction_timestamp()
), known AS (
    SELECT DISTINCT g.id, f.version_id, f.name
      FROM fresh f JOIN registry.org_unit_group g ON g.source_version_id = f.version_id AND g.name = f.name AND g.source_ref IS NULL
), made AS (
    INSERT INTO registry.org_unit_group (source_version_id, name)
    SELECT DISTINCT f.version_id, f.name FROM fresh f WHERE NOT EXISTS (SELECT FROM known k WHERE k.version_id = f.version_id AND k.name = f.name)
    RETURNING id, source_version_id AS version_id, name
), written AS (
    INSERT INTO registry.org_unit_group_member (org_unit_id, org_unit_group_id)
    SELECT f.id, g.id FROM fresh f JOIN (SELECT * FROM known UNION ALL SELECT * FROM made) g USING (version_id, name)
    ON CONFLICT DO NOTHING
    RETURNING org_unit_id
)
SELECT NULL::bigint AS record, count(*) AS created, 0::bigint AS updated, 0::bigint AS removed FROM written
