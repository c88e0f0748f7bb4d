-- What a program is told of the message that a task came as: {headers, queue, priority, external_id, embed}; the last two are null when it came as none.
-- $1 task uuid
SELECT drumbeat.message_of($1::uuid)::text
