-- The subscriptions. Where they connect to holds a password, and is not asked for; whether they are
-- enabled is a question of isolation. These columns anybody may read.
SELECT s.subname AS name,
       concat_ws(
           ' ',
           'to ' || array_to_string(s.subpublications, ', '),
           'slot ' || s.subslotname,
           'commit ' || s.subsynccommit,
           CASE WHEN s.subbinary THEN 'binary' END,
           'streaming ' || s.substream::text,
           'owner ' || pg_get_userbyid(s.subowner)
       ) AS line,
       '' AS code,
       '' AS version,
       '' AS parent
FROM pg_subscription AS s
JOIN pg_database AS d ON d.oid = s.subdbid
WHERE d.datname = current_database()
