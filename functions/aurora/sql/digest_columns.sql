-- The columns of tables that hold something of their own, in order, with their types.
SELECT a.attrelid::bigint AS oid,
       a.attname AS name,
       a.attnum AS number,
       a.atttypid::bigint AS type,
       format_type(a.atttypid, a.atttypmod) AS shown
FROM pg_attribute AS a
WHERE a.attrelid = ANY (%(oids)s::oid[])
  AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> 'v'
ORDER BY a.attrelid, a.attnum
