-- Stage what the rows of a document need to know of it. $1 bigint record or NULL for all. No row.
INSERT INTO drumbeat_stage (record, kind, data)
SELECT s.record, 'key', jsonb_build_object('id', d.id, 'business_area', d.external_business_area_code, 'workspace_id', d.workspace_id,
                                           'status', d.status)
  FROM drumbeat_stage s
  JOIN registry.programme_document d
    ON d.external_id = s.data->>'external_id' AND d.external_business_area_code = s.data->>'external_business_area_code'
   AND d.workspace_id = (s.data->>'workspace_id')::bigint AND d.government = (s.data->>'government')::boolean
 WHERE s.kind = 'document' AND ($1::bigint IS NULL OR s.record = $1::bigint)
