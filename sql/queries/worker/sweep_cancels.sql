-- Settle cancel requests for tasks that do not run.
SELECT drumbeat.sweep_cancels()
