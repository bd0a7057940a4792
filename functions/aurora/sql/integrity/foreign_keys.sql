-- The foreign keys of the given tables, one row for each table that holds rows of the child. A key
-- of a partitioned table is its partitions' too. Of temporal keys the operators mean something else.
SELECT n.nspname || '.' || c.relname || '.' || k.conname AS target,
       k.convalidated AS validated,
       k.confmatchtype = 'f' AS matches_full,
       ln.nspname AS child_schema,
       l.relname AS child_name,
       coalesce(pg_relation_size(l.oid), 0) AS bytes,
       pn.nspname AS parent_schema,
       p.relname AS parent_name,
       p.relkind = 'p' AS parent_divided,
       array_agg(ca.attname::text ORDER BY u.place) AS child_columns,
       array_agg(pa.attname::text ORDER BY u.place) AS parent_columns,
       array_agg(oper_n.nspname::text ORDER BY u.place) AS operator_schemas
FROM pg_constraint AS k
JOIN pg_class AS c ON c.oid = k.conrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_class AS p ON p.oid = k.confrelid
JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
JOIN LATERAL (
    SELECT c.oid AS leaf WHERE c.relkind = 'r'
    UNION ALL
    SELECT t.relid FROM pg_partition_tree(c.oid) AS t WHERE c.relkind = 'p' AND t.isleaf
) AS leaves ON true
JOIN pg_class AS l ON l.oid = leaves.leaf AND l.relkind = 'r' AND l.relpersistence = 'p'
JOIN pg_namespace AS ln ON ln.oid = l.relnamespace
CROSS JOIN LATERAL unnest(k.conkey, k.confkey, k.conpfeqop)
    WITH ORDINALITY AS u (child, parent, operator, place)
JOIN pg_attribute AS ca ON ca.attrelid = c.oid AND ca.attnum = u.child
JOIN pg_attribute AS pa ON pa.attrelid = p.oid AND pa.attnum = u.parent
JOIN pg_operator AS oper ON oper.oid = u.operator
JOIN pg_namespace AS oper_n ON oper_n.oid = oper.oprnamespace
WHERE k.contype = 'f'
    AND k.conparentid = 0
    AND l.oid = ANY (%(oids)s::oid[])
    AND (%(valid_too)s OR NOT k.convalidated)
GROUP BY k.oid, n.nspname, c.relname, k.conname, k.convalidated, k.confmatchtype, l.oid,
         ln.nspname, l.relname, pn.nspname, p.relname, p.relkind
HAVING bool_and(oper.oprname = '=')
ORDER BY 1, ln.nspname, l.relname
