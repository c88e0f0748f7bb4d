-- The versions of data source $1 text that are compared: $2 integer, when NULL the default one, and $3 integer. A version that there is not is NULL.
SELECT (SELECT v.id FROM registry.source_version v WHERE v.data_source_id = s.id AND CASE WHEN $2::integer IS NULL THEN v.id = s.default_version_id ELSE v.number = $2::integer END) AS version_id,
       (SELECT v.id FROM registry.source_version v WHERE v.data_source_id = s.id AND v.number = $3::integer) AS reference_id
  FROM (SELECT 1) one LEFT JOIN registry.data_source s ON s.name = $1::text
