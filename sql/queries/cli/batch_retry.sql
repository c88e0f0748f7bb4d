-- $1 uuid. One row: how many members were taken up again, NULL unknown.
SELECT drumbeat.retry_batch($1::uuid)
