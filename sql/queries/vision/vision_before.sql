-- What a task of a batch has to wait for: an open member of the same tenant with one of these names. $1 uuid task, $2 text[] names. One row: text why, bigint
-- seconds until it is worth another look, the more the longer the batch has run. No row: nothing.
SELECT t.name || ' comes first', least(60, greatest(1, extract(epoch FROM clock_timestamp() - me.created_at) / 8))::bigint
  FROM drumbeat.task_body me
  JOIN drumbeat.batch_open o ON o.batch_id = me.batch_id
  JOIN drumbeat.task_body t ON t.id = o.member_id
 WHERE me.id = $1::uuid AND t.name = ANY ($2::text[]) AND t.tenant IS NOT DISTINCT FROM me.tenant
 LIMIT 1
