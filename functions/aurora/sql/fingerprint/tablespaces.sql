-- The tablespaces, but for the two that every server has.
SELECT t.spcname AS name,
       concat_ws(
           ' ', array_to_string(t.spcoptions, ', '), 'owner ' || pg_get_userbyid(t.spcowner)
       ) AS line,
       '' AS code,
       t.xmin::text AS version,
       '' AS parent
FROM pg_tablespace AS t
WHERE t.spcname NOT IN ('pg_default', 'pg_global')
