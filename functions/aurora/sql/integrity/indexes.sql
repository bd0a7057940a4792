-- The indexes of the given files with rows: which of them amcheck can check, and how large they are.
SELECT x.indrelid::bigint AS heap,
       x.indexrelid::bigint AS oid,
       n.nspname || '.' || c.relname AS name,
       a.amname AS method,
       x.indisvalid AND x.indisready AND x.indislive AS valid,
       coalesce(pg_relation_size(x.indexrelid), 0) AS bytes
FROM pg_index AS x
JOIN pg_class AS c ON c.oid = x.indexrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_am AS a ON a.oid = c.relam
WHERE x.indrelid = ANY (%(oids)s::oid[]) AND c.relkind = 'i'
ORDER BY n.nspname, c.relname
