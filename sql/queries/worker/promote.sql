-- Make delayed tasks ready that are due. One row: how many.
-- $1 at most
SELECT drumbeat.promote($1::int)
