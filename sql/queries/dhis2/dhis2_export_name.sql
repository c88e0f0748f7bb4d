-- Ids for the org units of version $1 bigint that were made here, in the form of DHIS2's own: a letter and ten letters or digits. They stay, so that
-- a unit that was sent and not yet noted is found again. With $2 boolean those that nobody validated too. No row.
UPDATE registry.org_unit u SET source_ref = chr(97 + floor(random() * 26)::integer) || substr(md5(random()::text || u.id), 1, 10), updated_at = clock_timestamp()
 WHERE u.version_id = $1::bigint AND u.source_ref IS NULL AND (u.validation_status = 'VALID' OR ($2::boolean AND u.validation_status = 'NEW'))
