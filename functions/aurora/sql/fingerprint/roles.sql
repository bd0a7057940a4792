-- The roles and their attributes. Passwords are not asked for.
SELECT r.rolname AS name,
       concat_ws(
           ' ',
           CASE WHEN r.rolcanlogin THEN 'login' ELSE 'no login' END,
           CASE WHEN r.rolsuper THEN 'superuser' END,
           CASE WHEN NOT r.rolinherit THEN 'no inherit' END,
           CASE WHEN r.rolcreaterole THEN 'createrole' END,
           CASE WHEN r.rolcreatedb THEN 'createdb' END,
           CASE WHEN r.rolreplication THEN 'replication' END,
           CASE WHEN r.rolbypassrls THEN 'bypassrls' END,
           CASE WHEN r.rolconnlimit <> -1 THEN 'connection limit ' || r.rolconnlimit END,
           'valid until ' || r.rolvaliduntil::text
       ) AS line,
       '' AS code,
       '' AS version,
       '' AS parent
FROM pg_roles AS r
WHERE r.rolname !~ '^(pg_|rds_|aws_|apg_)' AND r.rolname NOT IN ('rdsadmin', 'rdsrepladmin')
