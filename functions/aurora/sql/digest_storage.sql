-- Where tables are stored: the file, its length in blocks, the bytes of all that belongs to it but the
-- indexes; and how many rows the server has counted as written, which is a hint only.
SELECT c.oid::bigint AS oid,
       coalesce(pg_relation_filenode(c.oid), 0)::bigint AS filenode,
       coalesce(pg_relation_size(c.oid) / current_setting('block_size')::int, 0)::bigint AS blocks,
       coalesce(pg_table_size(c.oid), 0)::bigint AS bytes,
       (
           pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid)
           + pg_stat_get_tuples_deleted(c.oid)
       )::bigint AS written
FROM pg_class AS c
WHERE c.oid = ANY (%(oids)s::oid[])
