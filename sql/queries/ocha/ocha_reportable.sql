-- Indicators of objectives, activities and projects; an answer without values leaves those that are here, and one that comes again is active. $1 bigint record or NULL for all.
WITH read AS (
    SELECT DISTINCT ON (r.source, r.external_id) s.record, r.*,
           CASE r.content_type
           WHEN 'cluster_objective' THEN (SELECT id FROM registry.cluster_objective WHERE external_source = 'HPC' AND external_id = r.owner)
           WHEN 'cluster_activity' THEN (SELECT id FROM registry.cluster_activity WHERE external_source = 'HPC' AND external_id = r.owner)
           WHEN 'partner_project' THEN (SELECT id FROM registry.partner_project WHERE external_source = 'HPC' AND external_id = r.owner) END AS object_id,
           (SELECT id FROM registry.indicator_blueprint WHERE external_source = 'HPC' AND external_id = r.external_id) AS blueprint_id
      FROM drumbeat_stage s,
           jsonb_to_record(s.data) AS r(external_id text, source text, content_type text, owner text, measured boolean, target jsonb, baseline jsonb, in_need jsonb)
     WHERE s.kind = 'indicator' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     ORDER BY r.source, r.external_id, r.measured DESC, s.record DESC
), staged AS (
    SELECT r.record, r.external_id, r.source, r.content_type, r.object_id, r.blueprint_id,
           CASE WHEN r.measured OR t.id IS NULL THEN r.target ELSE t.target END AS target,
           CASE WHEN r.measured OR t.id IS NULL THEN r.baseline ELSE t.baseline END AS baseline,
           CASE WHEN r.measured OR t.id IS NULL THEN r.in_need ELSE t.in_need END AS in_need,
           t.id IS NULL OR NOT t.active OR (t.content_type, t.object_id, t.blueprint_id) IS DISTINCT FROM (r.content_type, r.object_id, r.blueprint_id)
             OR (r.measured AND (t.target, t.baseline, t.in_need) IS DISTINCT FROM (r.target, r.baseline, r.in_need)) AS differs
      FROM read r LEFT JOIN registry.reportable t ON t.external_source = r.source AND t.external_id = r.external_id
     WHERE r.object_id IS NOT NULL
), written AS (
    INSERT INTO registry.reportable AS t (external_id, external_source, content_type, object_id, blueprint_id, target, baseline, in_need)
    SELECT external_id, source, content_type, object_id, blueprint_id, target, baseline, in_need FROM staged WHERE differs ORDER BY source, external_id
    ON CONFLICT (external_source, external_id) DO UPDATE
       SET content_type = excluded.content_type, object_id = excluded.object_id, blueprint_id = excluded.blueprint_id, target = excluded.target,
           baseline = excluded.baseline, in_need = excluded.in_need, active = true
    RETURNING t.external_source, t.external_id, t.xmax = 0 AS is_new
)
SELECT s.record, w.is_new::int::bigint AS created, (NOT w.is_new)::int::bigint AS updated, 0::bigint AS removed
  FROM written w JOIN staged s ON s.source = w.external_source AND s.external_id = w.external_id
