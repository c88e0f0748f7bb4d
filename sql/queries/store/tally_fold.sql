-- Put what workers counted that are gone with what was counted before. One row: how many series.
SELECT drumbeat.fold_tallies()
