-- After settling and claiming in one transaction: tell of what was made ready and is not claimed.
SELECT drumbeat.ring_held()
