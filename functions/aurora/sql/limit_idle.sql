-- Limits how long this transaction may rest between two statements.
SELECT set_config('idle_in_transaction_session_timeout', %(milliseconds)s, true)
