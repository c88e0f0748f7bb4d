-- Who stands in the staged documents as what; those that a document no longer names in a role become inactive in it. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT s.record, (k.data->>'id')::bigint AS programme_document_id, p.id AS person_id, s.data->>'role' AS role, bool_or((s.data->>'active')::boolean) AS active
      FROM drumbeat_stage s JOIN drumbeat_stage k ON k.record = s.record AND k.kind = 'key'
      JOIN registry.person p ON p.email = s.data->>'email'
     WHERE s.kind = 'person' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     GROUP BY 1, 2, 3, 4
), differing AS (
    SELECT s.*, l.person_id IS NULL AS is_new
      FROM staged s LEFT JOIN registry.programme_document_person l USING (programme_document_id, person_id, role)
     WHERE l.active IS DISTINCT FROM s.active
), written AS (
    INSERT INTO registry.programme_document_person (programme_document_id, person_id, role, active)
    SELECT programme_document_id, person_id, role, active FROM differing ORDER BY 1, 2, 3
    ON CONFLICT (programme_document_id, person_id, role) DO UPDATE SET active = excluded.active
), gone AS (
    UPDATE registry.programme_document_person l SET active = false
      FROM drumbeat_stage s
     WHERE s.kind = 'key' AND ($1::bigint IS NULL OR s.record = $1::bigint) AND l.programme_document_id = (s.data->>'id')::bigint AND l.active
       AND NOT EXISTS (SELECT FROM staged n WHERE n.record = s.record AND n.person_id = l.person_id AND n.role = l.role)
    RETURNING s.record
)
SELECT record, sum(created)::bigint AS created, sum(updated)::bigint AS updated, sum(removed)::bigint AS removed
  FROM (SELECT record, is_new::int AS created, (NOT is_new)::int AS updated, 0 AS removed FROM differing
        UNION ALL
        SELECT record, 0, 0, 1 FROM gone) changes
 GROUP BY record
