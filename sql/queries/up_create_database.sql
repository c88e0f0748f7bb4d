-- Make the private cluster's database. Run in database `postgres`, outside a transaction. No rows.
CREATE DATABASE drumbeat
