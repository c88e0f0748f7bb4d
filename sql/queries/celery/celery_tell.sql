-- Have the application tell of tasks that can no longer tell of themselves. Asked twice is asked once.
-- $1 uuids of the tasks, then texts for each: $2 state, $3 type and $4 module of the exception, $5 its message
SELECT drumbeat.celery_tell(t.id, t.state, t.type, t.module, t.message)
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[]) t(id, state, type, module, message)
