-- The tables of the chosen schemas, each with what inherits from it, partitions too: what they are,
-- what the planner's statistics say of their rows, what was counted as written, and how many tables
-- refer to them by a foreign key. A partition is told of with its table.
WITH RECURSIVE family AS (
    SELECT c.oid AS root, c.oid AS member
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition AND n.nspname = ANY (%(schemas)s)
    UNION
    SELECT family.root, i.inhrelid
    FROM family
    JOIN pg_inherits AS i ON i.inhparent = family.member
)
SELECT c.oid::bigint AS oid,
       n.nspname AS schema,
       c.relname AS name,
       quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS quoted,
       c.relkind = 'p' OR count(*) > 1 AS divided,
       bool_or(m.relkind = 'f') AS foreign_rows,
       bool_or(m.relpersistence <> 'p') AS unlogged,
       has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable,
       bool_or(m.relkind = 'r' AND m.reltuples < 0) AS never_analysed,
       coalesce(sum(greatest(m.reltuples, 0)) FILTER (WHERE m.relkind = 'r'), 0)::bigint AS rows,
       sum(m.relpages)::bigint * current_setting('block_size')::int AS bytes,
       coalesce(sum(pg_stat_get_tuples_inserted(m.oid)), 0)::bigint AS inserted,
       coalesce(sum(pg_stat_get_tuples_deleted(m.oid)), 0)::bigint AS deleted,
       (
           SELECT count(DISTINCT k.conrelid)
           FROM pg_constraint AS k
           WHERE k.confrelid = c.oid AND k.contype = 'f' AND k.conparentid = 0
             AND k.conrelid <> c.oid
       ) AS referring,
       array_agg(m.oid::bigint ORDER BY m.oid) AS members
FROM family
JOIN pg_class AS c ON c.oid = family.root
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_class AS m ON m.oid = family.member
GROUP BY c.oid, n.oid
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
