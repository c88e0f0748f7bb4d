-- What partners do of an activity: of those that indicators of a staged project belong to. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT a.id AS cluster_activity_id, a.title, p.partner_id
      FROM drumbeat_stage s JOIN registry.cluster_activity a ON a.external_source = 'HPC' AND a.external_id = s.data->>'activity'
      JOIN registry.partner_project p ON p.external_source = 'HPC' AND p.external_id = s.data->>'project'
     WHERE s.kind = 'context' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), written AS (
    INSERT INTO registry.partner_activity AS t (title, partner_id, cluster_activity_id)
    SELECT s.title, s.partner_id, s.cluster_activity_id
      FROM staged s LEFT JOIN registry.partner_activity t
        ON t.cluster_activity_id = s.cluster_activity_id AND coalesce(t.partner_id, 0) = coalesce(s.partner_id, 0)
     WHERE t.title IS DISTINCT FROM s.title
     ORDER BY s.cluster_activity_id
    ON CONFLICT (cluster_activity_id, coalesce(partner_id, 0)) WHERE cluster_activity_id IS NOT NULL DO UPDATE SET title = excluded.title
    RETURNING t.xmax = 0 AS is_new
)
SELECT NULL::bigint AS record, count(*) FILTER (WHERE is_new) AS created, count(*) FILTER (WHERE NOT is_new) AS updated, 0::bigint AS removed FROM written
