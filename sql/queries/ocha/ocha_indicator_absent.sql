-- Staged indicators of what is not here itself: record and why.
SELECT s.record, format('%s %s is not here', replace(s.data->>'content_type', '_', ' '), s.data->>'owner')
  FROM drumbeat_stage s
 WHERE s.kind = 'indicator'
   AND NOT EXISTS (SELECT FROM registry.reportable t WHERE t.external_source = s.data->>'source' AND t.external_id = s.data->>'external_id')
