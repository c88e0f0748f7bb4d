-- The migrations that have run, in their order.
SELECT name FROM drumbeat.migration ORDER BY name
