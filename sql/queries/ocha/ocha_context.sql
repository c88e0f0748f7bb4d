-- That a staged project is part of what its partner does. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT ON (p.id, t.id) s.record, p.id AS project_id, t.id AS activity_id, p.start_date, p.end_date, p.status
      FROM drumbeat_stage s JOIN registry.cluster_activity a ON a.external_source = 'HPC' AND a.external_id = s.data->>'activity'
      JOIN registry.partner_project p ON p.external_source = 'HPC' AND p.external_id = s.data->>'project'
      JOIN registry.partner_activity t ON t.cluster_activity_id = a.id AND coalesce(t.partner_id, 0) = coalesce(p.partner_id, 0)
     WHERE s.kind = 'context' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     ORDER BY p.id, t.id, s.record
), written AS (
    INSERT INTO registry.activity_project_context AS c (project_id, activity_id, start_date, end_date, status)
    SELECT s.project_id, s.activity_id, s.start_date, s.end_date, s.status
      FROM staged s LEFT JOIN registry.activity_project_context c USING (project_id, activity_id)
     WHERE c.id IS NULL OR (c.start_date, c.end_date, c.status) IS DISTINCT FROM (s.start_date, s.end_date, s.status)
     ORDER BY 1, 2
    ON CONFLICT (project_id, activity_id) DO UPDATE SET start_date = excluded.start_date, end_date = excluded.end_date, status = excluded.status
    RETURNING c.project_id, c.activity_id, c.xmax = 0 AS is_new
)
SELECT s.record, count(*) FILTER (WHERE w.is_new) AS created, count(*) FILTER (WHERE NOT w.is_new) AS updated, 0::bigint AS removed
  FROM written w JOIN staged s USING (project_id, activity_id) GROUP BY s.record
