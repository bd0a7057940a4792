-- Limits the statements that follow in this session.
SELECT set_config('statement_timeout', %(milliseconds)s, false)
