-- Give on the slots of tasks that are over. One row: of how many tasks.
SELECT drumbeat.sweep_slots()
