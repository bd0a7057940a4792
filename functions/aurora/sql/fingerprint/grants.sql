-- Who may do what with what: a star means that it may be granted on. The owner is called so, and
-- where nothing was ever granted or revoked nothing is listed.
WITH granted AS (
    SELECT 'schema ' || n.nspname AS name, n.nspacl AS acl, n.nspowner AS owner,
           n.xmin::text AS version, 'schemas ' || n.nspname AS parent
    FROM pg_namespace AS n
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    UNION ALL
    SELECT CASE c.relkind WHEN 'S' THEN 'sequence ' WHEN 'v' THEN 'view ' WHEN 'm' THEN 'view '
               ELSE 'table ' END || n.nspname || '.' || c.relname,
           c.relacl, c.relowner, c.xmin::text,
           CASE c.relkind WHEN 'S' THEN 'sequences ' WHEN 'v' THEN 'views ' WHEN 'm' THEN 'views '
               ELSE 'tables ' END || n.nspname || '.' || c.relname
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (
            SELECT FROM pg_depend AS e
            WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
        )
    UNION ALL
    SELECT 'column ' || n.nspname || '.' || c.relname || '.' || a.attname,
           a.attacl, c.relowner, a.xmin::text,
           'columns ' || n.nspname || '.' || c.relname || '.' || a.attname
    FROM pg_attribute AS a
    JOIN pg_class AS c ON c.oid = a.attrelid
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE a.attnum > 0 AND NOT a.attisdropped
        AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (
            SELECT FROM pg_depend AS e
            WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
        )
    UNION ALL
    SELECT 'function ' || n.nspname || '.' || p.proname
               || '(' || pg_get_function_identity_arguments(p.oid) || ')',
           p.proacl, p.proowner, p.xmin::text,
           'functions ' || n.nspname || '.' || p.proname
               || '(' || pg_get_function_identity_arguments(p.oid) || ')'
    FROM pg_proc AS p
    JOIN pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (
            SELECT FROM pg_depend AS e
            WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e'
        )
    UNION ALL
    SELECT 'type ' || n.nspname || '.' || t.typname, t.typacl, t.typowner, t.xmin::text,
           'types ' || n.nspname || '.' || t.typname
    FROM pg_type AS t
    JOIN pg_namespace AS n ON n.oid = t.typnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (
            SELECT FROM pg_depend AS e
            WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid AND e.deptype = 'e'
        )
    UNION ALL
    SELECT 'database ' || d.datname, d.datacl, d.datdba, d.xmin::text, 'databases ' || d.datname
    FROM pg_database AS d
    WHERE d.datname NOT IN ('template0', 'rdsadmin')
    UNION ALL
    SELECT 'language ' || l.lanname, l.lanacl, l.lanowner, l.xmin::text, 'languages ' || l.lanname
    FROM pg_language AS l
    UNION ALL
    SELECT 'tablespace ' || s.spcname, s.spcacl, s.spcowner, s.xmin::text,
           'tablespaces ' || s.spcname
    FROM pg_tablespace AS s
    UNION ALL
    SELECT 'foreign-data wrapper ' || w.fdwname, w.fdwacl, w.fdwowner, w.xmin::text,
           'foreign_servers wrapper ' || w.fdwname
    FROM pg_foreign_data_wrapper AS w
    UNION ALL
    SELECT 'foreign server ' || f.srvname, f.srvacl, f.srvowner, f.xmin::text,
           'foreign_servers server ' || f.srvname
    FROM pg_foreign_server AS f
)
SELECT g.name,
       coalesce(
           (
               SELECT string_agg(said.entry, '; ' ORDER BY said.entry)
               FROM (
                   SELECT CASE
                              WHEN a.grantee = 0 THEN 'public'
                              WHEN a.grantee = g.owner THEN 'the owner'
                              ELSE pg_get_userbyid(a.grantee)
                          END
                          || CASE
                              WHEN a.grantor = g.owner THEN ''
                              ELSE ' by ' || pg_get_userbyid(a.grantor)
                          END
                          || ': '
                          || string_agg(
                              a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END,
                              ', ' ORDER BY a.privilege_type
                          ) AS entry
                   FROM aclexplode(g.acl) AS a
                   GROUP BY a.grantee, a.grantor
               ) AS said
           ),
           'nobody'
       ) AS line,
       '' AS code,
       g.version,
       g.parent
FROM granted AS g
WHERE g.acl IS NOT NULL
