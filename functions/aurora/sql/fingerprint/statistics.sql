-- The extended statistics that are kept.
SELECT n.nspname || '.' || s.stxname AS name,
       concat_ws(
           ' ',
           'target ' || nullif(s.stxstattarget, -1),
           'owner ' || pg_get_userbyid(s.stxowner)
       ) AS line,
       pg_get_statisticsobjdef(s.oid) AS code,
       s.xmin::text AS version,
       'tables ' || cn.nspname || '.' || c.relname AS parent
FROM pg_statistic_ext AS s
JOIN pg_namespace AS n ON n.oid = s.stxnamespace
JOIN pg_class AS c ON c.oid = s.stxrelid
JOIN pg_namespace AS cn ON cn.oid = c.relnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_statistic_ext'::regclass AND e.objid = s.oid AND e.deptype = 'e'
    )
