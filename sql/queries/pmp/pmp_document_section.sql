-- Which sections the staged documents belong to. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT s.record, (k.data->>'id')::bigint AS programme_document_id, t.id AS section_id
      FROM drumbeat_stage s JOIN drumbeat_stage k ON k.record = s.record AND k.kind = 'key'
      JOIN registry.section t
        ON t.external_id = s.data->>'external_id' AND t.external_business_area_code = s.data->>'external_business_area_code'
     WHERE s.kind = 'section' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), written AS (
    INSERT INTO registry.programme_document_section (programme_document_id, section_id)
    SELECT s.programme_document_id, s.section_id
      FROM staged s LEFT JOIN registry.programme_document_section l USING (programme_document_id, section_id)
     WHERE l.programme_document_id IS NULL
     ORDER BY 1, 2
    ON CONFLICT DO NOTHING
    RETURNING programme_document_id
), gone AS (
    DELETE FROM registry.programme_document_section l
     USING drumbeat_stage s
     WHERE s.kind = 'key' AND ($1::bigint IS NULL OR s.record = $1::bigint) AND l.programme_document_id = (s.data->>'id')::bigint
       AND NOT EXISTS (SELECT FROM staged n WHERE n.record = s.record AND n.section_id = l.section_id)
    RETURNING s.record
)
SELECT record, sum(created)::bigint AS created, 0::bigint AS updated, sum(removed)::bigint AS removed
  FROM (SELECT s.record, 1 AS created, 0 AS removed
          FROM written w JOIN (SELECT DISTINCT record, programme_document_id FROM staged) s USING (programme_document_id)
        UNION ALL
        SELECT record, 0, 1 FROM gone) changes
 GROUP BY record
