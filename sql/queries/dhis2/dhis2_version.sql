-- The version to write into, made when there is none: $2 integer, when NULL the default one of data source $1 text, or with $3 boolean a new
-- one. $4 uuid: the task, which goes on with the version that it made. `fresh`: made by this task.
WITH wanted AS (
    SELECT s.id, s.name,
           CASE WHEN $2::integer IS NOT NULL THEN $2::integer
                WHEN $3::boolean THEN coalesce((SELECT v.number FROM registry.source_version v WHERE v.data_source_id = s.id AND v.task_id = $4::uuid),
                                               (SELECT max(v.number) + 1 FROM registry.source_version v WHERE v.data_source_id = s.id), 0)
                ELSE coalesce((SELECT v.number FROM registry.source_version v WHERE v.id = s.default_version_id), 0) END AS number
      FROM registry.data_source s WHERE s.name = $1::text
), made AS (
    INSERT INTO registry.source_version (data_source_id, number, task_id)
    SELECT w.id, w.number, $4::uuid FROM wanted w
     WHERE NOT EXISTS (SELECT FROM registry.source_version v WHERE v.data_source_id = w.id AND v.number = w.number)
    RETURNING id, number
)
SELECT id, number, true AS fresh FROM made
UNION ALL
SELECT v.id, v.number, coalesce(v.task_id = $4::uuid, false)
  FROM wanted w JOIN registry.source_version v ON v.data_source_id = w.id AND v.number = w.number
