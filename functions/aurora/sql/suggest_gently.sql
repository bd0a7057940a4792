-- Limits what the statements that follow in this transaction cost: how long they wait for a lock, one
-- process for each, and whether a table may be read as a whole to be joined, or by its index alone.
SELECT set_config('lock_timeout', %(milliseconds)s, true) AS lock_timeout,
       set_config('max_parallel_workers_per_gather', '0', true) AS processes,
       set_config('enable_hashjoin', %(whole)s, true) AS by_hash,
       set_config('enable_mergejoin', %(whole)s, true) AS by_order
