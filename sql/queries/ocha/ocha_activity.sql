-- Activities, each below the first objective that it supports. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT s.record, s.data->>'external_id' AS external_id, s.data->>'title' AS title, o.id AS cluster_objective_id
      FROM drumbeat_stage s JOIN registry.cluster_objective o ON o.external_source = 'HPC' AND o.external_id = s.data->>'objective'
     WHERE s.kind = 'entity' AND (s.data->>'activity')::boolean AND ($1::bigint IS NULL OR s.record = $1::bigint)
), written AS (
    INSERT INTO registry.cluster_activity AS a (external_id, external_source, title, cluster_objective_id)
    SELECT s.external_id, 'HPC', s.title, s.cluster_objective_id
      FROM staged s LEFT JOIN registry.cluster_activity a ON a.external_source = 'HPC' AND a.external_id = s.external_id
     WHERE a.id IS NULL OR (a.title, a.cluster_objective_id) IS DISTINCT FROM (s.title, s.cluster_objective_id)
     ORDER BY s.external_id
    ON CONFLICT (external_source, external_id) DO UPDATE SET title = excluded.title, cluster_objective_id = excluded.cluster_objective_id
    RETURNING a.external_id, a.xmax = 0 AS is_new
)
SELECT s.record, w.is_new::int::bigint AS created, (NOT w.is_new)::int::bigint AS updated, 0::bigint AS removed FROM written w JOIN staged s USING (external_id)
