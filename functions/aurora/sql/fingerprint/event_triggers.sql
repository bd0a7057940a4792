-- The event triggers, and whether they fire.
SELECT t.evtname AS name,
       concat_ws(
           ' ',
           CASE t.evtenabled
               WHEN 'O' THEN 'on' WHEN 'D' THEN 'off' WHEN 'R' THEN 'on replicas' ELSE 'always'
           END,
           'at ' || t.evtevent,
           'of ' || array_to_string(t.evttags, ', '),
           'function ' || t.evtfoid::regproc::text,
           'owner ' || pg_get_userbyid(t.evtowner)
       ) AS line,
       '' AS code,
       t.xmin::text AS version,
       '' AS parent
FROM pg_event_trigger AS t
WHERE NOT EXISTS (
    SELECT FROM pg_depend AS e
    WHERE e.classid = 'pg_event_trigger'::regclass AND e.objid = t.oid AND e.deptype = 'e'
)
