-- Write the progress of several tasks. Never backwards.
-- $1 uuid[] tasks, $2 bigint[] fences, $3 bigint[] values, $4 bigint[] ends, $5 text[] messages
UPDATE drumbeat.running r
   SET progress_value = greatest(r.progress_value, p.value), end_value = p.end_value, progress_message = coalesce(p.message, r.progress_message)
  FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[]) p(task_id, fence, value, end_value, message)
 WHERE r.task_id = p.task_id AND (r.fence = p.fence) IS TRUE
