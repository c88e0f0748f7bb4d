-- A person is active while some document names it as active: those of the staged documents are looked at again.
-- $1 bigint record or NULL for all.
WITH judged AS (
    SELECT l.person_id, min(s.record) AS record, EXISTS (SELECT FROM registry.programme_document_person o WHERE o.person_id = l.person_id AND o.active) AS active
      FROM drumbeat_stage s JOIN registry.programme_document_person l ON l.programme_document_id = (s.data->>'id')::bigint
     WHERE s.kind = 'key' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     GROUP BY l.person_id
), locked AS (
    SELECT p.id, j.record, j.active FROM judged j JOIN registry.person p ON p.id = j.person_id
     WHERE p.active <> j.active ORDER BY p.email FOR UPDATE OF p
), written AS (
    UPDATE registry.person p SET active = l.active FROM locked l WHERE p.id = l.id RETURNING l.record
)
SELECT record, 0::bigint AS created, count(*) AS updated, 0::bigint AS removed FROM written GROUP BY record
