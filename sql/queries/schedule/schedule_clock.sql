-- The store's clock. One row.
SELECT clock_timestamp()
