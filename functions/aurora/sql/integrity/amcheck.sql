-- Where amcheck is, and whether this role may call it.
SELECT n.nspname AS schema,
       e.extversion AS version,
       bool_and(
           has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')
       ) AS allowed
FROM pg_extension AS e
JOIN pg_namespace AS n ON n.oid = e.extnamespace
JOIN pg_depend AS d
    ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
    AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
JOIN pg_proc AS p ON p.oid = d.objid
WHERE e.extname = 'amcheck' AND p.proname IN ('verify_heapam', 'bt_index_check')
GROUP BY n.nspname, e.extversion
HAVING count(DISTINCT p.proname) = 2
