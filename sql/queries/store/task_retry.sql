-- $1 uuid. One row: true done, false not applicable, NULL unknown.
SELECT drumbeat.retry($1::uuid) AS answer
