-- Remove it again, whoever is connected to it. Outside a transaction. No rows.
DROP DATABASE IF EXISTS drumbeat_bench WITH (FORCE)
