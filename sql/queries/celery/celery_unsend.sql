-- The message of a cancelled task was taken out of its queue. One row: whether the task ended by that.
-- $1 text id of the message
SELECT drumbeat.unsend($1::text)
