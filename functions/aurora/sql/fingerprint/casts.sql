-- The casts that are not the system's.
SELECT format_type(c.castsource, NULL) || ' as ' || format_type(c.casttarget, NULL) AS name,
       concat_ws(
           ' ',
           CASE c.castmethod WHEN 'f' THEN 'by function' WHEN 'i' THEN 'by text' ELSE 'binary' END,
           nullif(c.castfunc, 0)::regprocedure::text,
           CASE c.castcontext
               WHEN 'i' THEN 'implicit' WHEN 'a' THEN 'on assignment' ELSE 'explicit'
           END
       ) AS line,
       '' AS code,
       c.xmin::text AS version,
       '' AS parent
FROM pg_cast AS c
WHERE c.oid >= 16384
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_cast'::regclass AND e.objid = c.oid AND e.deptype = 'e'
    )
