-- Foreign-data wrappers, servers, and who is mapped to a user of theirs. Options of the first two by
-- digest; those of user mappings hold passwords, and are not asked for.
SELECT 'wrapper ' || w.fdwname AS name,
       concat_ws(
           ' ',
           'handler ' || nullif(w.fdwhandler, 0)::regproc::text,
           'validator ' || nullif(w.fdwvalidator, 0)::regproc::text,
           'options #' || left(
               encode(sha256(convert_to(array_to_string(w.fdwoptions, ' '), 'UTF8')), 'hex'), 16
           ),
           'owner ' || pg_get_userbyid(w.fdwowner)
       ) AS line,
       '' AS code,
       w.xmin::text AS version,
       '' AS parent
FROM pg_foreign_data_wrapper AS w
WHERE NOT EXISTS (
    SELECT FROM pg_depend AS e
    WHERE e.classid = 'pg_foreign_data_wrapper'::regclass AND e.objid = w.oid AND e.deptype = 'e'
)
UNION ALL
SELECT 'server ' || f.srvname,
       concat_ws(
           ' ',
           'of ' || w.fdwname,
           'type ' || f.srvtype,
           'version ' || f.srvversion,
           'options #' || left(
               encode(sha256(convert_to(array_to_string(f.srvoptions, ' '), 'UTF8')), 'hex'), 16
           ),
           'owner ' || pg_get_userbyid(f.srvowner)
       ),
       '',
       f.xmin::text,
       ''
FROM pg_foreign_server AS f
JOIN pg_foreign_data_wrapper AS w ON w.oid = f.srvfdw
UNION ALL
SELECT 'mapping of ' || coalesce(m.usename, 'public') || ' at ' || m.srvname,
       'mapped',
       '',
       '',
       'foreign_servers server ' || m.srvname
FROM pg_user_mappings AS m
