-- How many sequences the chosen schemas hold.
SELECT count(*) AS sequences
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND n.nspname = ANY (%(schemas)s)
