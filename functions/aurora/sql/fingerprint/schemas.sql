-- The schemas, without those of the system.
SELECT n.nspname AS name,
       'owner ' || pg_get_userbyid(n.nspowner) AS line,
       '' AS code,
       n.xmin::text AS version,
       '' AS parent
FROM pg_namespace AS n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_namespace'::regclass AND e.objid = n.oid AND e.deptype = 'e'
    )
