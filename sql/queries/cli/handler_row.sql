-- $1 text: what workers said about the handler of that name. No row: none has had it.
SELECT queue, max_attempts FROM drumbeat.handler WHERE name = $1::text
