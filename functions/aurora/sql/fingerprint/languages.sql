-- Procedural languages, access methods and transforms that are not the system's.
SELECT l.lanname AS name,
       concat_ws(
           ' ',
           CASE WHEN l.lanpltrusted THEN 'trusted' ELSE 'untrusted' END,
           'handler ' || nullif(l.lanplcallfoid, 0)::regproc::text,
           'owner ' || pg_get_userbyid(l.lanowner)
       ) AS line,
       '' AS code,
       l.xmin::text AS version,
       '' AS parent
FROM pg_language AS l
WHERE l.lanispl
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_language'::regclass AND e.objid = l.oid AND e.deptype = 'e'
    )
UNION ALL
SELECT 'access method ' || a.amname,
       concat_ws(' ', 'type ' || a.amtype::text, 'handler ' || a.amhandler::text),
       '',
       a.xmin::text,
       ''
FROM pg_am AS a
WHERE a.oid >= 16384
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_am'::regclass AND e.objid = a.oid AND e.deptype = 'e'
    )
UNION ALL
SELECT 'transform of ' || format_type(t.trftype, NULL) || ' for ' || l.lanname,
       concat_ws(
           ' ',
           'from ' || nullif(t.trffromsql::oid, 0)::regproc::text,
           'to ' || nullif(t.trftosql::oid, 0)::regproc::text
       ),
       '',
       t.xmin::text,
       ''
FROM pg_transform AS t
JOIN pg_language AS l ON l.oid = t.trflang
WHERE NOT EXISTS (
    SELECT FROM pg_depend AS e
    WHERE e.classid = 'pg_transform'::regclass AND e.objid = t.oid AND e.deptype = 'e'
)
