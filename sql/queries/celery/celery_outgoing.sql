-- Tasks to be pushed to Celery now, marked as sent by this transaction. No row: there are none.
-- $1 how many at most
SELECT external_id, seq, name, queue, args, priority, expires_at, headers, parent_id::text, tenant, schedule FROM drumbeat.take_outgoing($1::bigint::int)
