-- After a table was read: the inactive places of the level above that nothing speaks of go. $1 smallint level. One row: how many.
WITH deleted AS (
    DELETE FROM registry.location t
     WHERE t.admin_level = $1::smallint AND NOT t.is_active AND NOT registry.location_is_used(t.id)
    RETURNING t.id
)
SELECT count(*) FROM deleted
