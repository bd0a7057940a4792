-- Views and materialized views, whether the latter are populated, and a digest of the query. What is
-- stored of it is the same on a copy, to the byte, and is read without locking what it speaks of.
SELECT n.nspname || '.' || c.relname AS name,
       concat_ws(
           ' ',
           CASE c.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END,
           CASE WHEN c.relkind = 'm' AND NOT c.relispopulated THEN 'not populated' END,
           CASE c.relpersistence WHEN 'u' THEN 'unlogged' WHEN 't' THEN 'temporary' END,
           'using ' || nullif(a.amname, 'heap'),
           'tablespace ' || s.spcname,
           'with ' || array_to_string(c.reloptions, ', '),
           'owner ' || pg_get_userbyid(c.relowner),
           'query #' || left(encode(sha256(convert_to(r.ev_action::text, 'UTF8')), 'hex'), 16)
       ) AS line,
       '' AS code,
       concat_ws(' ', c.xmin::text, r.xmin::text) AS version,
       '' AS parent
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_rewrite AS r ON r.ev_class = c.oid AND r.rulename = '_RETURN'
LEFT JOIN pg_am AS a ON a.oid = c.relam
LEFT JOIN pg_tablespace AS s ON s.oid = c.reltablespace
WHERE c.relkind IN ('v', 'm')
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
    )
