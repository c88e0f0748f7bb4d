-- For what waits for nobody: from here to the end of the transaction a lock that is not to be had soon is an error (55P03).
SELECT set_config('lock_timeout', '50ms', true)
