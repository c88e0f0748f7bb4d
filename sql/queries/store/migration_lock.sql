-- One migration at a time in this database: held until the transaction ends. The number is "drumbeat" in ASCII.
SELECT pg_advisory_xact_lock(7237976663800504692)
