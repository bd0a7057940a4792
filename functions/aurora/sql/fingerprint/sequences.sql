-- How sequences count. One that a column owns is as its table in all else.
SELECT n.nspname || '.' || c.relname AS name,
       concat_ws(
           ' ',
           format_type(s.seqtypid, NULL),
           'start ' || s.seqstart,
           'increment ' || s.seqincrement,
           'from ' || s.seqmin,
           'to ' || s.seqmax,
           'cache ' || s.seqcache,
           CASE WHEN s.seqcycle THEN 'cycle' END,
           coalesce('owned by ' || o.column_name, 'owner ' || pg_get_userbyid(c.relowner)),
           CASE WHEN o.column_name IS NULL AND c.relpersistence <> 'p' THEN 'unlogged' END
       ) AS line,
       '' AS code,
       concat_ws(' ', s.xmin::text, c.xmin::text) AS version,
       coalesce('tables ' || o.table_name, '') AS parent
FROM pg_sequence AS s
JOIN pg_class AS c ON c.oid = s.seqrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (
    SELECT tn.nspname || '.' || t.relname AS table_name,
           tn.nspname || '.' || t.relname || '.' || a.attname AS column_name
    FROM pg_depend AS d
    JOIN pg_class AS t ON t.oid = d.refobjid
    JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
        AND d.refclassid = 'pg_class'::regclass
    LIMIT 1
) AS o ON true
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
    )
