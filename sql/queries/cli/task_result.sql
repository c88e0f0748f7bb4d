-- $1 uuid. One row: status, result as JSON or NULL; no row: there is no such task.
SELECT status, result::text FROM drumbeat.task WHERE id = $1::uuid
