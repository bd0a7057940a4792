-- What the role that is logged in may do here, however it came by it: by grant, membership, ownership.
SELECT 'role: ' || r.rolname AS line
FROM pg_roles AS r
WHERE NOT r.rolcanlogin AND pg_has_role(r.oid, 'MEMBER')
UNION ALL
SELECT 'database ' || current_database() || ': ' || p.name
FROM (VALUES ('CONNECT'), ('CREATE'), ('TEMPORARY')) AS p (name)
WHERE has_database_privilege(current_database(), p.name)
UNION ALL
SELECT 'schema ' || n.nspname || ': ' || p.name
FROM pg_namespace AS n
CROSS JOIN (VALUES ('USAGE'), ('CREATE')) AS p (name)
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND has_schema_privilege(n.oid, p.name)
UNION ALL
SELECT 'table ' || n.nspname || '.' || c.relname || ': ' || p.name
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN (
    VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('REFERENCES'), ('TRIGGER')
) AS p (name)
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND has_table_privilege(c.oid, p.name)
UNION ALL
SELECT 'column ' || n.nspname || '.' || c.relname || '.' || a.attname || ': ' || p.name
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND a.attacl IS NOT NULL
CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('REFERENCES')) AS p (name)
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND has_column_privilege(c.oid, a.attnum, p.name)
UNION ALL
SELECT 'sequence ' || n.nspname || '.' || c.relname || ': ' || p.name
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN (VALUES ('USAGE'), ('SELECT'), ('UPDATE')) AS p (name)
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, p.name) ELSE false END
UNION ALL
SELECT 'function ' || p.oid::regprocedure || ': EXECUTE'
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND has_function_privilege(p.oid, 'EXECUTE')
UNION ALL
SELECT 'server ' || s.srvname || ': USAGE'
FROM pg_foreign_server AS s
WHERE has_server_privilege(s.oid, 'USAGE')
-- Whoever owns a thing, or is in the role that does, may change and drop it.
UNION ALL
SELECT 'database ' || d.datname || ': owner'
FROM pg_database AS d
WHERE d.datname = current_database() AND pg_has_role(d.datdba, 'USAGE')
UNION ALL
SELECT 'schema ' || n.nspname || ': owner'
FROM pg_namespace AS n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND pg_has_role(n.nspowner, 'USAGE')
UNION ALL
SELECT CASE c.relkind WHEN 'S' THEN 'sequence ' ELSE 'table ' END
    || n.nspname || '.' || c.relname || ': owner'
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND pg_has_role(c.relowner, 'USAGE')
UNION ALL
SELECT 'function ' || p.oid::regprocedure || ': owner'
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND pg_has_role(p.proowner, 'USAGE')
