-- The tables of the chosen schemas, and what inherits from them in others: a partition may live
-- anywhere. What they are, how large, and their columns in order. The size is the one of the last
-- vacuum: pg_relation_size would wait for tables that are locked.
WITH RECURSIVE chosen AS (
    SELECT c.oid
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm', 'f') AND n.nspname = ANY (%(schemas)s)
    UNION
    SELECT i.inhrelid
    FROM pg_inherits AS i
    JOIN chosen ON i.inhparent = chosen.oid
)
SELECT c.oid::bigint AS oid,
       n.nspname AS schema,
       c.relname AS name,
       c.relkind::text AS kind,
       c.relpersistence::text AS persistence,
       a.amname AS method,
       c.relispopulated AS populated,
       c.relpages::bigint * current_setting('block_size')::int AS bytes,
       ARRAY(
           SELECT format('%%I.%%I', pn.nspname, p.relname)
           FROM pg_partition_ancestors(c.oid) AS ancestor
           JOIN pg_class AS p ON p.oid = ancestor
           JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
       ) AS ancestors,
       ARRAY(
           SELECT concat_ws(
               ' ',
               quote_ident(t.attname),
               format_type(t.atttypid, t.atttypmod),
               CASE WHEN t.attnotnull THEN 'not null' END,
               CASE t.attidentity WHEN 'a' THEN 'identity always' WHEN 'd' THEN 'identity' END,
               CASE WHEN t.attgenerated <> '' THEN 'generated' END
           )
           FROM pg_attribute AS t
           WHERE t.attrelid = c.oid AND t.attnum > 0 AND NOT t.attisdropped
           ORDER BY t.attnum
       ) AS columns
FROM chosen
JOIN pg_class AS c ON c.oid = chosen.oid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_am AS a ON a.oid = c.relam
ORDER BY n.nspname, c.relname
