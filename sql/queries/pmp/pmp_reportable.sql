-- Indicators of the staged documents; those that a document no longer has become inactive. $1 bigint record or NULL for all.
-- An indicator that came but could not be read whole (kind 'kept') stays as it was.
WITH staged AS (
    SELECT DISTINCT ON (r.external_id, r.source) s.record, r.*, o.id AS object_id, b.id AS blueprint_id
      FROM drumbeat_stage s JOIN drumbeat_stage k ON k.record = s.record AND k.kind = 'key',
           jsonb_to_record(s.data) AS r(external_id text, source text, blueprint text, output text, link text, cp_output bigint, target jsonb,
               baseline jsonb, means_of_verification varchar(255), numerator_label varchar(256), denominator_label varchar(256),
               is_unicef_hf_indicator boolean, cluster_indicator_id text, active boolean)
      JOIN registry.pd_result_link l ON l.external_id = r.link AND l.external_cp_output_id = r.cp_output
      JOIN registry.lower_level_output o ON o.cp_output_id = l.id AND o.external_id = r.output
      LEFT JOIN registry.indicator_blueprint b ON b.external_id = r.blueprint AND b.external_source = r.source
     WHERE s.kind = 'indicator' AND l.programme_document_id = (k.data->>'id')::bigint AND ($1::bigint IS NULL OR s.record = $1::bigint)
     ORDER BY r.external_id, r.source, r.active DESC, o.id
), written AS (
    INSERT INTO registry.reportable AS t (external_id, external_source, content_type, object_id, blueprint_id, target, baseline,
               means_of_verification, numerator_label, denominator_label, is_unicef_hf_indicator, cluster_indicator_id, active)
    SELECT s.external_id, s.source, 'lower_level_output', s.object_id, s.blueprint_id, s.target, s.baseline, s.means_of_verification,
           s.numerator_label, s.denominator_label, s.is_unicef_hf_indicator, s.cluster_indicator_id, s.active
      FROM staged s LEFT JOIN registry.reportable t ON t.external_id = s.external_id AND t.external_source = s.source
     WHERE t.id IS NULL
        OR (t.object_id, t.blueprint_id, t.target, t.baseline, t.means_of_verification, t.numerator_label, t.denominator_label,
            t.is_unicef_hf_indicator, t.cluster_indicator_id, t.active)
           IS DISTINCT FROM
           (s.object_id, s.blueprint_id, s.target, s.baseline, s.means_of_verification, s.numerator_label, s.denominator_label,
            s.is_unicef_hf_indicator, s.cluster_indicator_id, s.active)
     ORDER BY 1, 2
    ON CONFLICT (external_id, external_source) DO UPDATE
       SET object_id = excluded.object_id, blueprint_id = excluded.blueprint_id, target = excluded.target, baseline = excluded.baseline,
           means_of_verification = excluded.means_of_verification, numerator_label = excluded.numerator_label,
           denominator_label = excluded.denominator_label, is_unicef_hf_indicator = excluded.is_unicef_hf_indicator,
           cluster_indicator_id = excluded.cluster_indicator_id, active = excluded.active
    RETURNING t.external_source, t.xmax = 0 AS is_new
), gone AS (
    UPDATE registry.reportable t SET active = false
      FROM drumbeat_stage s
     WHERE s.kind = 'document' AND ($1::bigint IS NULL OR s.record = $1::bigint) AND t.external_source = s.data->>'source' AND t.active
       AND (t.external_source, t.external_id) NOT IN (SELECT n.data->>'source', n.data->>'external_id' FROM drumbeat_stage n
                                                       WHERE n.kind IN ('indicator', 'kept'))
    RETURNING s.record
)
SELECT record, sum(created)::bigint AS created, sum(updated)::bigint AS updated, sum(removed)::bigint AS removed
  FROM (SELECT s.record, w.is_new::int AS created, (NOT w.is_new)::int AS updated, 0 AS removed
          FROM written w JOIN (SELECT DISTINCT record, source FROM staged) s ON s.source = w.external_source
        UNION ALL
        SELECT record, 0, 0, 1 FROM gone) changes
 GROUP BY record
