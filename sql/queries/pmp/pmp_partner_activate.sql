-- Partners that are in a list again. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT s.record, p.id
      FROM drumbeat_stage s JOIN registry.partner p ON p.vendor_number = s.data->>'vendor_number'
     WHERE s.kind = 'partner' AND NOT p.is_active AND ($1::bigint IS NULL OR s.record = $1::bigint)
     ORDER BY p.vendor_number FOR UPDATE OF p
), written AS (
    UPDATE registry.partner p SET is_active = true FROM staged s WHERE p.id = s.id RETURNING s.record
)
SELECT record, 0::bigint AS created, count(*) AS updated, 0::bigint AS removed FROM written GROUP BY record
