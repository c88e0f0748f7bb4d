-- Staged clusters that were left out: record and why.
SELECT s.record, CASE WHEN EXISTS (SELECT FROM drumbeat_stage o WHERE o.kind = 'cluster' AND o.record > s.record AND o.data->>'external_id' = s.data->>'external_id')
                      THEN 'id: comes again further on'
                      ELSE 'governingEntityVersion.name: another cluster of the plan has it' END
  FROM drumbeat_stage s
 WHERE s.kind = 'cluster'
   AND EXISTS (SELECT FROM drumbeat_stage o WHERE o.kind = 'cluster' AND o.record > s.record
                  AND (o.data->>'imported_type' = s.data->>'imported_type' OR o.data->>'external_id' = s.data->>'external_id'))
