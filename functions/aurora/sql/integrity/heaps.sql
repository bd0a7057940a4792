-- The files that hold rows: of the given tables and of the system's, each with its toast table's.
WITH chosen AS (
    SELECT c.oid, n.nspname || '.' || c.relname AS name, n.nspname || '.' || c.relname AS target
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = ANY (%(oids)s::oid[])
    UNION ALL
    SELECT c.oid, n.nspname || '.' || c.relname, n.nspname
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'pg_catalog' AND c.relkind = 'r'
)
SELECT c.target,
       r.oid::bigint AS oid,
       CASE WHEN r.oid = c.oid THEN c.name ELSE 'the toast table of ' || c.name END AS name,
       coalesce(pg_relation_size(r.oid), 0) AS bytes
FROM chosen AS c
JOIN pg_class AS t ON t.oid = c.oid
JOIN pg_class AS r ON r.oid IN (t.oid, t.reltoastrelid)
ORDER BY c.target, c.name, r.oid <> c.oid
