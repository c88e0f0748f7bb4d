-- The partner focal points of the staged documents; those that a document no longer names become inactive. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT s.record, (k.data->>'id')::bigint AS programme_document_id, p.id AS person_id, bool_or((s.data->>'active')::boolean) AS active
      FROM drumbeat_stage s JOIN drumbeat_stage k ON k.record = s.record AND k.kind = 'key'
      JOIN registry.person p ON p.email = s.data->>'email'
     WHERE s.kind = 'person' AND s.data->>'role' = 'partner_focal_point' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     GROUP BY 1, 2, 3
), written AS (
    INSERT INTO registry.programme_document_partner_focal_point AS l (programme_document_id, person_id, active)
    SELECT s.programme_document_id, s.person_id, s.active
      FROM staged s LEFT JOIN registry.programme_document_partner_focal_point l USING (programme_document_id, person_id)
     WHERE l.active IS DISTINCT FROM s.active
     ORDER BY 1, 2
    ON CONFLICT (programme_document_id, person_id) DO UPDATE SET active = excluded.active
    RETURNING l.programme_document_id, l.xmax = 0 AS is_new
), gone AS (
    UPDATE registry.programme_document_partner_focal_point l SET active = false
      FROM drumbeat_stage s
     WHERE s.kind = 'key' AND ($1::bigint IS NULL OR s.record = $1::bigint) AND l.programme_document_id = (s.data->>'id')::bigint AND l.active
       AND NOT EXISTS (SELECT FROM staged n WHERE n.record = s.record AND n.person_id = l.person_id)
    RETURNING s.record
)
SELECT record, sum(created)::bigint AS created, sum(updated)::bigint AS updated, sum(removed)::bigint AS removed
  FROM (SELECT s.record, w.is_new::int AS created, (NOT w.is_new)::int AS updated, 0 AS removed
          FROM written w JOIN (SELECT DISTINCT record, programme_document_id FROM staged) s USING (programme_document_id)
        UNION ALL
        SELECT record, 0, 0, 1 FROM gone) changes
 GROUP BY record
