-- What DHIS2 said to the values $1 bigint[]: $3 text[] has a JSON array of errors for each, NULL for one that was taken. Only rows that are still
-- of version $2 bigint[] are written; answers how many.
WITH told AS (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS t(id, version, errors)
), written AS (
    UPDATE registry.data_value v
       SET export_status = CASE WHEN t.errors IS NULL THEN 'EXPORTED' ELSE 'ERRORED' END, export_errors = t.errors::jsonb,
           exported_at = clock_timestamp(), updated_at = clock_timestamp()
      FROM told t WHERE v.id = t.id AND v.xmin::text::bigint = t.version
    RETURNING v.id
)
SELECT count(*) FROM written
