-- Does the private cluster have its database? Run in database `postgres`. No row: it does not.
SELECT 1 FROM pg_catalog.pg_database WHERE datname = 'drumbeat'
