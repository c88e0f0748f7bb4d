-- $1 interval: how wide shelves are. One row: was one made?
SELECT drumbeat.shelve_ahead($1::interval)
