-- Until the end of the transaction statements are planned for what they find: a plan that was kept from a small list would read a whole table for each page of a
-- long one. No use of the row.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true)
