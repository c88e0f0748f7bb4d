-- Tasks that were sent and are to be cancelled, with all that their messages were made of. No row: there are none.
SELECT s.external_id, s.seq, b.name, b.queue, b.args::text AS args, b.priority::int AS priority, b.expires_at, b.headers::text AS headers,
       b.parent_id::text AS parent_id, b.tenant, b.schedule
  FROM drumbeat.cancel_request c
  JOIN drumbeat.sent s ON s.task_id = c.task_id AND s.sent_at IS NOT NULL
  JOIN drumbeat.task_body b ON b.id = s.task_id
 ORDER BY c.requested_at LIMIT 200
