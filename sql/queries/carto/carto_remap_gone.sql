-- Places that are gone: one that other rows speak of becomes inactive and says when in its name, any other goes; their children lose
-- them. $1 text[] p_codes. One row: how many.
WITH gone AS (
    SELECT t.id, registry.location_is_named(t.id) AS used
      FROM registry.location t
     WHERE t.p_code = ANY ($1::text[]) AND t.is_active
     ORDER BY t.name, t.p_code, t.admin_level FOR UPDATE
), orphans AS (
    UPDATE registry.location t SET parent_id = NULL, parent_p_code = NULL, modified = clock_timestamp()
      FROM gone g
     WHERE t.parent_id = g.id AND NOT EXISTS (SELECT FROM gone o WHERE o.id = t.id)
), kept AS (
    UPDATE registry.location t
       SET is_active = false, parent_id = NULL, parent_p_code = NULL, modified = clock_timestamp(),
           name = left(t.name, 241) || ' [' || to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD') || ']'
      FROM gone g WHERE t.id = g.id AND g.used
    RETURNING t.id
), deleted AS (
    DELETE FROM registry.location t USING gone g WHERE t.id = g.id AND NOT g.used RETURNING t.id
)
SELECT (SELECT count(*) FROM kept) + (SELECT count(*) FROM deleted)
