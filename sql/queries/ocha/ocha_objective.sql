-- Objectives: the cluster is their own, or that of the last activity that supports them. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT s.record, s.data->>'external_id' AS external_id, s.data->>'title' AS title, c.id AS cluster_id
      FROM drumbeat_stage s
      JOIN registry.cluster c
        ON c.external_source = 'HPC'
       AND c.external_id = coalesce(s.data->>'cluster',
                                    (SELECT a.data->>'cluster' FROM drumbeat_stage a
                                       JOIN registry.cluster k ON k.external_source = 'HPC' AND k.external_id = a.data->>'cluster'
                                      WHERE a.kind = 'entity' AND (a.data->>'activity')::boolean AND a.data->>'objective' = s.data->>'external_id'
                                      ORDER BY a.record DESC LIMIT 1))
     WHERE s.kind = 'entity' AND NOT (s.data->>'activity')::boolean AND ($1::bigint IS NULL OR s.record = $1::bigint)
), written AS (
    INSERT INTO registry.cluster_objective AS o (external_id, external_source, title, cluster_id)
    SELECT s.external_id, 'HPC', s.title, s.cluster_id
      FROM staged s LEFT JOIN registry.cluster_objective o ON o.external_source = 'HPC' AND o.external_id = s.external_id
     WHERE o.id IS NULL OR (o.title, o.cluster_id) IS DISTINCT FROM (s.title, s.cluster_id)
     ORDER BY s.external_id
    ON CONFLICT (external_source, external_id) DO UPDATE SET title = excluded.title, cluster_id = excluded.cluster_id
    RETURNING o.external_id, o.xmax = 0 AS is_new
)
SELECT s.record, w.is_new::int::bigint AS created, (NOT w.is_new)::int::bigint AS updated, 0::bigint AS removed FROM written w JOIN staged s USING (external_id)
