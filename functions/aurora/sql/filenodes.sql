-- In which file each table is, and how far the transaction ids have come.
SELECT c.oid::bigint AS oid,
       n.nspname AS schema,
       c.relname AS name,
       coalesce(pg_relation_filenode(c.oid), 0)::bigint AS filenode,
       pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next_xid
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = ANY (%(schemas)s)
