-- What is set for a database, a role, or one in the other. The value of a setting that is nobody's
-- but the company's own (its name has a dot) may be a key: a digest of it.
SELECT concat_ws(
           ' ',
           split_part(e.entry, '=', 1),
           'of ' || nullif(r.rolname, ''),
           'in ' || d.datname
       ) AS name,
       CASE
           WHEN split_part(e.entry, '=', 1) LIKE '%%.%%'
           THEN '#' || left(encode(sha256(convert_to(e.entry, 'UTF8')), 'hex'), 16)
           ELSE substr(e.entry, strpos(e.entry, '=') + 1)
       END AS line,
       '' AS code,
       s.xmin::text AS version,
       '' AS parent
FROM pg_db_role_setting AS s
LEFT JOIN pg_database AS d ON d.oid = s.setdatabase
LEFT JOIN pg_roles AS r ON r.oid = s.setrole
CROSS JOIN unnest(s.setconfig) AS e (entry)
WHERE coalesce(d.datname, '') <> 'rdsadmin'
    AND coalesce(r.rolname, '') !~ '^(pg_|rds_|aws_|apg_)'
    AND coalesce(r.rolname, '') NOT IN ('rdsadmin', 'rdsrepladmin')
