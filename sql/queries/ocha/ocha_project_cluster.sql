-- The clusters of staged projects: those of their plans, else those of all plans. $1 bigint record or NULL for all.
WITH own AS (
    SELECT s.record, s.data->>'project' AS project, c.id AS cluster_id
      FROM drumbeat_stage s JOIN registry.cluster c ON c.external_source = 'HPC' AND c.external_id = s.data->>'external_id'
     WHERE s.kind = 'cluster' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), staged AS (
    SELECT l.record, p.id AS partner_project_id, l.cluster_id
      FROM (SELECT * FROM own
            UNION
            SELECT s.record, s.data->>'project', c.id
              FROM drumbeat_stage s JOIN registry.response_plan p ON p.external_source = 'HPC' AND p.external_id = s.data->>'plan'
              JOIN registry.cluster c ON c.type = 'imported' AND c.imported_type = s.data->>'name' AND c.response_plan_id = p.id
             WHERE s.kind = 'global_cluster' AND ($1::bigint IS NULL OR s.record = $1::bigint) AND s.record NOT IN (SELECT record FROM own)) l
      JOIN registry.partner_project p ON p.external_source = 'HPC' AND p.external_id = l.project
), written AS (
    INSERT INTO registry.partner_project_cluster (partner_project_id, cluster_id)
    SELECT s.partner_project_id, s.cluster_id FROM staged s
     WHERE NOT EXISTS (SELECT FROM registry.partner_project_cluster k WHERE k.partner_project_id = s.partner_project_id AND k.cluster_id = s.cluster_id)
     ORDER BY 1, 2
    ON CONFLICT (partner_project_id, cluster_id) DO NOTHING
    RETURNING partner_project_id, cluster_id
)
SELECT s.record, count(*) AS created, 0::bigint AS updated, 0::bigint AS removed
  FROM written w JOIN staged s USING (partner_project_id, cluster_id) GROUP BY s.record
