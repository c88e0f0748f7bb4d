-- $1 uuid: why the task waits, a row a reason; no row: it does not wait.
SELECT reason, detail FROM drumbeat.why_waiting($1::uuid)
