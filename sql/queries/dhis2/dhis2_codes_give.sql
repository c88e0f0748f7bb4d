-- After dhis2_codes_release: each code that was told and that no valid org unit of version $1 bigint has goes to the first that it was told of. A row for
-- each org unit that is left without: its id in DHIS2, the code.
WITH free AS (
    SELECT min(u.id) AS id
      FROM registry.org_unit u
     WHERE u.version_id = $1::bigint AND u.code_told IS NOT NULL
       AND NOT EXISTS (SELECT FROM registry.org_unit h WHERE h.version_id = u.version_id AND h.code = u.code_told AND h.code <> '' AND h.validation_status = 'VALID')
     GROUP BY u.code_told
), given AS (
    UPDATE registry.org_unit u SET code = u.code_told, code_told = NULL, updated_at = clock_timestamp() FROM free f WHERE u.id = f.id
)
SELECT u.source_ref, u.code_told
  FROM registry.org_unit u
 WHERE u.version_id = $1::bigint AND u.code_told IS NOT NULL AND u.id NOT IN (SELECT id FROM free)
 ORDER BY u.source_ref
