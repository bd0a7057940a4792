-- Limits the statements that follow in this transaction.
SELECT set_config('statement_timeout', %(milliseconds)s, true)
