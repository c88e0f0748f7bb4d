-- What indicators of HPC measure. Whether they can be split is known by answers that have values. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT ON (r.external_id) s.record, r.external_id, r.title, r.measured, r.disaggregatable
      FROM drumbeat_stage s, jsonb_to_record(s.data) AS r(external_id text, title varchar(2048), measured boolean, disaggregatable boolean)
     WHERE s.kind = 'indicator' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     ORDER BY r.external_id, r.measured DESC, s.record DESC
), written AS (
    INSERT INTO registry.indicator_blueprint AS b (external_id, external_source, title, unit, disaggregatable)
    SELECT s.external_id, 'HPC', s.title, 'number', s.disaggregatable
      FROM staged s LEFT JOIN registry.indicator_blueprint b ON b.external_source = 'HPC' AND b.external_id = s.external_id
     WHERE b.id IS NULL OR b.title <> s.title OR (s.measured AND b.disaggregatable <> s.disaggregatable)
     ORDER BY s.external_id
    ON CONFLICT (external_source, external_id) DO UPDATE
       SET title = excluded.title,
           disaggregatable = CASE WHEN (SELECT s.measured FROM staged s WHERE s.external_id = b.external_id) THEN excluded.disaggregatable ELSE b.disaggregatable END
    RETURNING b.external_id, b.xmax = 0 AS is_new
)
SELECT s.record, w.is_new::int::bigint AS created, (NOT w.is_new)::int::bigint AS updated, 0::bigint AS removed FROM written w JOIN staged s USING (external_id)
