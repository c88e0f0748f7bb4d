-- Tell the planner how many rows of which kind there are. No row.
ANALYZE drumbeat_stage (record, kind)
