-- The policies of row security: for what, for whom, on which condition.
SELECT n.nspname || '.' || c.relname || '.' || p.polname AS name,
       concat_ws(
           ' ',
           CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END,
           'for ' || CASE p.polcmd
               WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update'
               WHEN 'd' THEN 'delete' ELSE 'all'
           END,
           'to ' || (
               SELECT string_agg(
                   CASE WHEN r.role = 0 THEN 'public' ELSE pg_get_userbyid(r.role) END, ', '
                   ORDER BY r.role
               )
               FROM unnest(p.polroles) AS r (role)
           ),
           'using #' || left(encode(sha256(convert_to(p.polqual::text, 'UTF8')), 'hex'), 8),
           'check #' || left(encode(sha256(convert_to(p.polwithcheck::text, 'UTF8')), 'hex'), 8)
       ) AS line,
       '' AS code,
       CASE
           WHEN %(legible)s THEN concat_ws(
               ' ',
               'using ' || pg_get_expr(p.polqual, p.polrelid),
               'check ' || pg_get_expr(p.polwithcheck, p.polrelid)
           )
       END AS legible,
       p.xmin::text AS version,
       'tables ' || n.nspname || '.' || c.relname AS parent
FROM pg_policy AS p
JOIN pg_class AS c ON c.oid = p.polrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
    )
