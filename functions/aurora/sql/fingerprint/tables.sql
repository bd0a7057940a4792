-- Tables, ordinary, partitioned and foreign: how they are stored, whose they are, row security,
-- of what they are a partition, by which bounds. Their columns are listed by themselves.
SELECT n.nspname || '.' || c.relname AS name,
       concat_ws(
           ' ',
           CASE c.relpersistence WHEN 'u' THEN 'unlogged' WHEN 't' THEN 'temporary' END,
           CASE c.relkind WHEN 'f' THEN 'foreign table' ELSE 'table' END,
           'of type ' || nullif(c.reloftype, 0)::regtype::text,
           'partitioned by ' || pg_get_partkeydef(c.oid),
           'partition of ' || h.parents || ' #'
               || left(encode(sha256(convert_to(c.relpartbound::text, 'UTF8')), 'hex'), 8),
           CASE WHEN NOT c.relispartition THEN 'inherits ' || h.parents END,
           CASE WHEN h.detaching THEN 'detach pending' END,
           'using ' || nullif(a.amname, 'heap'),
           'server ' || f.srvname,
           'options #' || left(
               encode(sha256(convert_to(array_to_string(t.ftoptions, ' '), 'UTF8')), 'hex'), 16
           ),
           'tablespace ' || s.spcname,
           CASE WHEN c.relrowsecurity THEN 'row security' END,
           CASE WHEN c.relforcerowsecurity THEN 'forced row security' END,
           'replica identity ' || nullif(c.relreplident::text, 'd'),
           'with ' || array_to_string(c.reloptions, ', '),
           'toast with ' || (
               SELECT array_to_string(o.reloptions, ', ') FROM pg_class AS o
               WHERE o.oid = c.reltoastrelid
           ),
           'owner ' || pg_get_userbyid(c.relowner)
       ) AS line,
       '' AS code,
       CASE WHEN %(legible)s THEN pg_get_expr(c.relpartbound, c.oid) END AS bounds,
       concat_ws(' ', c.xmin::text, h.version) AS version,
       '' AS parent
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_am AS a ON a.oid = c.relam
LEFT JOIN pg_tablespace AS s ON s.oid = c.reltablespace
LEFT JOIN pg_foreign_table AS t ON t.ftrelid = c.oid
LEFT JOIN pg_foreign_server AS f ON f.oid = t.ftserver
LEFT JOIN LATERAL (
    SELECT string_agg(pn.nspname || '.' || p.relname, ', ' ORDER BY i.inhseqno) AS parents,
           bool_or(i.inhdetachpending) AS detaching,
           sum(i.xmin::text::bigint) AS version
    FROM pg_inherits AS i
    JOIN pg_class AS p ON p.oid = i.inhparent
    JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
    WHERE i.inhrelid = c.oid
) AS h ON true
WHERE c.relkind IN ('r', 'p', 'f')
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
    )
