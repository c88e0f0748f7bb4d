-- The places of staged projects. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT s.record, p.id AS partner_project_id, h.location_id
      FROM drumbeat_stage s JOIN registry.hpc_place h ON h.external_id = s.data->>'external_id'
      JOIN drumbeat_stage o ON o.record = s.record AND o.kind = 'project'
      JOIN registry.partner_project p ON p.external_source = 'HPC' AND p.external_id = o.data->>'external_id'
     WHERE s.kind = 'place' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), written AS (
    INSERT INTO registry.partner_project_location (partner_project_id, location_id)
    SELECT DISTINCT s.partner_project_id, s.location_id FROM staged s
     WHERE NOT EXISTS (SELECT FROM registry.partner_project_location k WHERE k.partner_project_id = s.partner_project_id AND k.location_id = s.location_id)
     ORDER BY 1, 2
    ON CONFLICT (partner_project_id, location_id) DO NOTHING
    RETURNING partner_project_id, location_id
)
SELECT s.record, count(*) AS created, 0::bigint AS updated, 0::bigint AS removed
  FROM written w JOIN staged s USING (partner_project_id, location_id) GROUP BY s.record
