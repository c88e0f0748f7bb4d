-- $1 uuid. One row: true done, false not applicable, NULL unknown.
SELECT drumbeat.cancel($1::uuid) AS answer
