-- What the role that is logged in is, its name left out: two users that alternate differ in that.
SELECT a.line
FROM pg_roles AS r
CROSS JOIN LATERAL (
    VALUES
        ('superuser: ' || r.rolsuper),
        ('inherits: ' || r.rolinherit),
        ('creates roles: ' || r.rolcreaterole),
        ('creates databases: ' || r.rolcreatedb),
        ('replicates: ' || r.rolreplication),
        ('bypasses row security: ' || r.rolbypassrls),
        ('connection limit: ' || r.rolconnlimit),
        ('valid until: ' || coalesce(r.rolvaliduntil::text, 'for ever'))
) AS a (line)
WHERE r.rolname = current_user
UNION ALL
-- A setting by its name, and a digest of its value: applications keep secrets in settings.
SELECT 'setting: ' || coalesce(d.datname || ': ', '') || split_part(s.value, '=', 1) || ': '
    || left(encode(sha256(convert_to(s.value, 'UTF8')), 'hex'), 12)
FROM pg_db_role_setting AS c
JOIN pg_roles AS r ON r.oid = c.setrole
LEFT JOIN pg_database AS d ON d.oid = c.setdatabase
CROSS JOIN LATERAL unnest(c.setconfig) AS s (value)
WHERE r.rolname = current_user AND coalesce(d.datname, current_database()) = current_database()
