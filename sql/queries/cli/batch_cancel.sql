-- $1 uuid. One row: true done, false it had ended, NULL unknown.
SELECT drumbeat.cancel_batch($1::uuid)
