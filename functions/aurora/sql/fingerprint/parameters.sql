-- Who may set which parameter of the server: PostgreSQL 15 and later.
SELECT p.parname AS name,
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
                   FROM aclexplode(p.paracl) AS a
                   GROUP BY a.grantee
               ) AS said
           ),
           'nobody'
       ) AS line,
       '' AS code,
       p.xmin::text AS version,
       '' AS parent
FROM pg_parameter_acl AS p
