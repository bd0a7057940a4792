-- Which role is in which other one. Memberships of the system's own roles are left out.
SELECT m.rolname || ' in ' || r.rolname || ' by ' || pg_get_userbyid(a.grantor) AS name,
       concat_ws(
           ' ',
           'member',
           CASE WHEN a.admin_option THEN 'with admin' END,
           'inherit ' || (to_jsonb(a) ->> 'inherit_option'),
           'set ' || (to_jsonb(a) ->> 'set_option')
       ) AS line,
       '' AS code,
       a.xmin::text AS version,
       'roles ' || m.rolname AS parent
FROM pg_auth_members AS a
JOIN pg_roles AS m ON m.oid = a.member
JOIN pg_roles AS r ON r.oid = a.roleid
WHERE m.rolname !~ '^(pg_|rds_|aws_|apg_)' AND m.rolname NOT IN ('rdsadmin', 'rdsrepladmin')
