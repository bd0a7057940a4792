-- The triggers, and whether they fire. That of a partition is its table's, unless they differ.
SELECT n.nspname || '.' || c.relname || '.' || t.tgname AS name,
       CASE t.tgenabled
           WHEN 'O' THEN 'on' WHEN 'D' THEN 'off' WHEN 'R' THEN 'on replicas' ELSE 'always'
       END AS line,
       pg_get_triggerdef(t.oid) AS code,
       t.xmin::text AS version,
       CASE c.relkind WHEN 'v' THEN 'views ' ELSE 'tables ' END || n.nspname || '.' || c.relname
           AS parent
FROM pg_trigger AS t
JOIN pg_class AS c ON c.oid = t.tgrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
        SELECT FROM pg_trigger AS p WHERE p.oid = t.tgparentid AND p.tgenabled = t.tgenabled
    )
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
    )
