-- The first version that came in whole, $1 bigint, becomes the default of its data source. No row.
UPDATE registry.data_source d SET default_version_id = v.id
  FROM registry.source_version v
 WHERE v.id = $1::bigint AND d.id = v.data_source_id AND d.default_version_id IS NULL
