-- DHIS2 has taken the org units $3 text[] of version $1 bigint: in version $2 bigint, which says what it has, no other one has their codes any more, and
-- they themselves have none until dhis2_export_taken. No row.
UPDATE registry.org_unit r SET code = '', code_told = NULL, updated_at = clock_timestamp()
  FROM registry.org_unit u
 WHERE u.version_id = $1::bigint AND u.source_ref = ANY ($3::text[]) AND u.code <> ''
   AND r.version_id = $2::bigint AND r.code = u.code AND r.source_ref IS DISTINCT FROM u.source_ref AND r.validation_status = 'VALID'
