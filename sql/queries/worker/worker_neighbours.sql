-- The other workers of this host, to see whether their processes live. A row each.
-- $1 boot id, $2 own worker uuid
SELECT id, pid, pid_start FROM drumbeat.worker WHERE boot = $1::text AND id <> $2::uuid
