-- Before settling and claiming in one transaction.
SELECT drumbeat.hold_bells()
