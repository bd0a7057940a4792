-- A table as this snapshot sees it, its present length in blocks, and the snapshot's own edges.
SELECT c.relfilenode::bigint AS filenode,
       c.oid::bigint AS oid,
       current_setting('server_version_num')::int AS version_number,
       ceil(pg_relation_size(c.oid)::numeric / current_setting('block_size')::int)::bigint AS blocks,
       greatest(1, coalesce(pg_table_size(c.oid) / nullif(pg_relation_size(c.oid), 0), 1))::bigint
           AS weight,
       pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest_running,
       pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next_xid
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s
