-- $1 uuid: this batch (NULL: the newest outermost ones), $2 bigint: at most, $3 boolean: only those that have not ended. A row a batch.
SELECT s.id, s.label, s.kind, s.state, s.total, s.queued, s.running, s.success, s.errored, s.killed, s.skipped, s.not_started, s.progress::float8::text AS progress,
       s.parent_id, s.root_id, s.cause_id, s.called::text, s.tenant, s.created_by, s.created_at, s.started_at, s.ended_at, s.error
  FROM drumbeat.batch_status s
 WHERE s.id IN (SELECT b.id FROM drumbeat.batch b
                 WHERE CASE WHEN $1::uuid IS NULL THEN b.parent_id IS NULL ELSE b.id = $1::uuid END AND (b.ended_at IS NULL OR NOT $3::boolean)
                 ORDER BY b.id DESC LIMIT $2::bigint)
 ORDER BY s.id DESC
