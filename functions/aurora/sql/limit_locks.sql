-- Limits how long the statements that follow in this transaction wait for a lock.
SELECT set_config('lock_timeout', %(milliseconds)s, true)
