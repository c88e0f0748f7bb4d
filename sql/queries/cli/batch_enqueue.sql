-- $1 jsonb the workflow, $2 text tenant, $3 text idempotency key. One row: the batch's id. SQLSTATE 22023: it is none.
SELECT drumbeat.enqueue_workflow($1::jsonb, tenant => $2::text, idempotency_key => $3::text)
