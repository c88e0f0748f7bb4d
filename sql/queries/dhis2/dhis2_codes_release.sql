-- Org units of version $1 bigint that are to have another code than they have let theirs go, so that exchanges, cycles and chains do not meet. No row.
UPDATE registry.org_unit SET code = '', updated_at = clock_timestamp() WHERE version_id = $1::bigint AND code_told IS NOT NULL AND code <> ''
