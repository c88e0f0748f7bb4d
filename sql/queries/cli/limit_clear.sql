-- $1 text kind, $2 text name. One row: whether there was one.
SELECT drumbeat.clear_limit($1::text, $2::text)
