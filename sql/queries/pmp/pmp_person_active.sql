-- A person is active while some document names it as active: those of the staged documents are looked at again.
-- $1 bigint record or NULL for all.
WITH staged AS (
    SELECT l.person_id, min(s.record) AS record
      FROM drumbeat_stage s,
           LATERAL (SELECT person_id FROM registry.programme_document_unicef_focal_point WHERE programme_document_id = (s.data->>'id')::bigint
                    UNION SELECT person_id FROM registry.programme_document_partner_focal_point WHERE programme_document_id = (s.data->>'id')::bigint
                    UNION SELECT person_id FROM registry.programme_document_auth_officer WHERE programme_document_id = (s.data->>'id')::bigint) l
     WHERE s.kind = 'key' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     GROUP BY l.person_id
), judged AS (
    SELECT s.record, s.person_id,
           EXISTS (SELECT FROM registry.programme_document_unicef_focal_point l WHERE l.person_id = s.person_id AND l.active)
        OR EXISTS (SELECT FROM registry.programme_document_partner_focal_point l WHERE l.person_id = s.person_id AND l.active)
        OR EXISTS (SELECT FROM registry.programme_document_auth_officer l WHERE l.person_id = s.person_id AND l.active) AS active
      FROM staged s
), locked AS (
    SELECT p.id, j.record, j.active FROM judged j JOIN registry.person p ON p.id = j.person_id
     WHERE p.active <> j.active ORDER BY p.email FOR UPDATE OF p
), written AS (
    UPDATE registry.person p SET active = l.active FROM locked l WHERE p.id = l.id RETURNING l.record
)
SELECT record, 0::bigint AS created, count(*) AS updated, 0::bigint AS removed FROM written GROUP BY record
