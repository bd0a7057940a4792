-- What is granted on whatever a role will make.
SELECT concat_ws(
           ' ',
           CASE d.defaclobjtype
               WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
               WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE d.defaclobjtype::text
           END,
           'of ' || pg_get_userbyid(d.defaclrole),
           'in ' || n.nspname
       ) AS name,
       coalesce(
           (
               SELECT string_agg(said.entry, '; ' ORDER BY said.entry)
               FROM (
                   SELECT CASE
                              WHEN a.grantee = 0 THEN 'public' ELSE pg_get_userbyid(a.grantee)
                          END
                          || ': '
                          || string_agg(
                              a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END,
                              ', ' ORDER BY a.privilege_type
                          ) AS entry
                   FROM aclexplode(d.defaclacl) AS a
                   GROUP BY a.grantee
               ) AS said
           ),
           'nobody'
       ) AS line,
       '' AS code,
       d.xmin::text AS version,
       '' AS parent
FROM pg_default_acl AS d
LEFT JOIN pg_namespace AS n ON n.oid = d.defaclnamespace
