-- How many values of data source $1 text wait to be sent; with $2 boolean those that were refused before wait again. No row: there is no such source.
WITH source AS (
    SELECT id FROM registry.data_source WHERE name = $1::text
), again AS (
    UPDATE registry.data_value v SET export_status = 'QUEUED', export_errors = NULL, updated_at = clock_timestamp()
      FROM source s WHERE $2::boolean AND v.data_source_id = s.id AND v.export_status = 'ERRORED'
    RETURNING v.id
)
SELECT (SELECT count(*) FROM registry.data_value v WHERE v.data_source_id = s.id AND v.export_status = 'QUEUED') + (SELECT count(*) FROM again) AS total
  FROM source s
