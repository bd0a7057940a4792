-- The extensions with their versions, and of how many objects each is: they stand for these.
SELECT e.extname AS name,
       concat_ws(
           ' ',
           e.extversion,
           'in ' || n.nspname,
           (
               SELECT count(*) || ' objects'
               FROM pg_depend AS d
               WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
                   AND d.deptype = 'e'
           )
       ) AS line,
       '' AS code,
       e.xmin::text AS version,
       '' AS parent
FROM pg_extension AS e
JOIN pg_namespace AS n ON n.oid = e.extnamespace
