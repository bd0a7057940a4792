-- How far each sequence has come, as far as the role may see that; and which column it feeds, where
-- an index leads to that column's end.
SELECT n.nspname || '.' || c.relname AS name,
       c.oid::bigint AS oid,
       c.relfilenode::bigint AS filenode,
       s.seqincrement AS increment,
       s.seqmin AS least,
       s.seqmax AS most,
       s.seqcycle AS cycles,
       has_sequence_privilege(c.oid, 'SELECT') AS seen,
       CASE
           WHEN has_sequence_privilege(c.oid, 'SELECT') THEN pg_sequence_last_value(c.oid)
       END AS last_value,
       o.schema AS feeds_schema,
       o.name AS feeds_table,
       o.column_name AS feeds_column
FROM pg_sequence AS s
JOIN pg_class AS c ON c.oid = s.seqrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (
    SELECT tn.nspname AS schema, t.relname AS name, a.attname AS column_name
    FROM pg_depend AS d
    JOIN pg_class AS t ON t.oid = d.refobjid AND t.relpersistence = 'p'
    JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
    JOIN pg_index AS i ON i.indrelid = t.oid AND i.indkey[0] = a.attnum
    JOIN pg_class AS x ON x.oid = i.indexrelid
    JOIN pg_am AS m ON m.oid = x.relam
    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
        AND d.refclassid = 'pg_class'::regclass
        AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
        AND i.indisvalid AND i.indpred IS NULL AND m.amname = 'btree'
    LIMIT 1
) AS o ON true
WHERE c.relpersistence = 'p'
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY n.nspname, c.relname
