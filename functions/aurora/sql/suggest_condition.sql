-- What a constraint demands of a row; it waits for a table that is locked.
SELECT pg_get_expr(k.conbin, k.conrelid) AS condition
FROM pg_constraint AS k
WHERE k.oid = %(oid)s
