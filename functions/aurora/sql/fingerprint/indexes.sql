-- The indexes, and whether they are valid. One that enforces a constraint comes and goes with it.
-- What is stored of an index is the same on a copy, to the byte.
SELECT n.nspname || '.' || x.relname AS name,
       concat_ws(
           ' ',
           CASE WHEN NOT i.indisvalid THEN 'invalid' END,
           CASE WHEN NOT i.indisready THEN 'not ready' END,
           CASE WHEN NOT i.indislive THEN 'being dropped' END,
           CASE WHEN i.indisclustered THEN 'clustered' END,
           CASE WHEN i.indisreplident THEN 'replica identity' END,
           CASE WHEN NOT i.indimmediate THEN 'deferrable' END,
           'tablespace ' || s.spcname,
           '#' || left(
               encode(
                   sha256(
                       convert_to(
                           concat_ws(
                               ' ',
                               (to_jsonb(i) - 'indcheckxmin')::text,
                               x.relam,
                               x.reloptions,
                               (
                                   SELECT string_agg(a.attoptions::text, ' ' ORDER BY a.attnum)
                                   FROM pg_attribute AS a
                                   WHERE a.attrelid = x.oid
                               )
                           ),
                           'UTF8'
                       )
                   ),
                   'hex'
               ),
               8
           )
       ) AS line,
       '' AS code,
       CASE WHEN %(legible)s THEN pg_get_indexdef(i.indexrelid) END AS legible,
       concat_ws(' ', i.xmin::text, x.xmin::text) AS version,
       coalesce(
           'constraints ' || n.nspname || '.' || c.relname || '.' || k.conname,
           CASE c.relkind WHEN 'm' THEN 'views ' ELSE 'tables ' END
               || n.nspname || '.' || c.relname
       ) AS parent
FROM pg_index AS i
JOIN pg_class AS x ON x.oid = i.indexrelid
JOIN pg_class AS c ON c.oid = i.indrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_tablespace AS s ON s.oid = x.reltablespace
LEFT JOIN pg_constraint AS k
    ON k.conindid = i.indexrelid AND k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x')
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
    )
