-- For the transaction it is sent in: nothing is written, no statement takes longer than $1 (milliseconds as text), and plans follow
-- indexes, because no statistics are kept of the tables that tasks wait in. One row.
SELECT set_config('statement_timeout', $1::text, true), set_config('transaction_read_only', 'on', true), set_config('jit', 'off', true),
       set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true)
