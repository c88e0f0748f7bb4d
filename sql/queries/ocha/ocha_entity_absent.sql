-- Staged objectives and activities that have no place in the plan: record and why.
SELECT s.record, CASE WHEN (s.data->>'activity')::boolean THEN format('planEntityVersion.value.support: objective %s is not known', s.data->>'objective')
                      WHEN s.data->>'cluster' IS NULL THEN 'parentId: no cluster, and no activity that has one'
                      ELSE format('parentId: cluster %s is not known', s.data->>'cluster') END
  FROM drumbeat_stage s
 WHERE s.kind = 'entity'
   AND NOT CASE WHEN (s.data->>'activity')::boolean
                THEN EXISTS (SELECT FROM registry.cluster_activity a WHERE a.external_source = 'HPC' AND a.external_id = s.data->>'external_id')
                ELSE EXISTS (SELECT FROM registry.cluster_objective o WHERE o.external_source = 'HPC' AND o.external_id = s.data->>'external_id') END
