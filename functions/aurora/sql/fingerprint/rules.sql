-- The rules of tables and views, but for the one that is a view's query. What is stored of a rule is
-- the same on a copy, to the byte, and is read without locking what it speaks of.
SELECT n.nspname || '.' || c.relname || '.' || r.rulename AS name,
       concat_ws(
           ' ',
           'on ' || CASE r.ev_type
               WHEN '1' THEN 'select' WHEN '2' THEN 'update' WHEN '3' THEN 'insert' ELSE 'delete'
           END,
           CASE WHEN r.is_instead THEN 'instead' END,
           CASE r.ev_enabled
               WHEN 'O' THEN 'on' WHEN 'D' THEN 'off' WHEN 'R' THEN 'on replicas' ELSE 'always'
           END,
           '#' || left(
               encode(
                   sha256(convert_to(r.ev_qual::text || r.ev_action::text, 'UTF8')), 'hex'
               ),
               16
           )
       ) AS line,
       '' AS code,
       r.xmin::text AS version,
       CASE WHEN c.relkind IN ('v', 'm') THEN 'views ' ELSE 'tables ' END
           || n.nspname || '.' || c.relname AS parent
FROM pg_rewrite AS r
JOIN pg_class AS c ON c.oid = r.ev_class
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE r.rulename <> '_RETURN'
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
    )
