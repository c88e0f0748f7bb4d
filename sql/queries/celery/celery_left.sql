-- Of tags that were claimed and not said to be tasks: which are tasks, and which nobody brings to that any more. A row for each such tag.
-- $1 uuid the worker that asks, which is not at it now, $2 text[] tags: drumbeat:WORKER:…
SELECT t.tag, m.task_id IS NOT NULL AS is_task
  FROM unnest($2::text[]) t(tag)
  LEFT JOIN drumbeat.celery_message m ON m.tag = t.tag
 WHERE m.task_id IS NOT NULL OR split_part(t.tag, ':', 2) = $1::uuid::text
    OR NOT EXISTS (SELECT FROM drumbeat.worker w WHERE w.id::text = split_part(t.tag, ':', 2))
