-- The collations in use whose library sorts by another version than the one that was recorded.
SELECT n.nspname || '.' || c.collname AS name, c.collversion AS recorded, v.actual
FROM pg_collation AS c
JOIN pg_namespace AS n ON n.oid = c.collnamespace
CROSS JOIN LATERAL (SELECT pg_collation_actual_version(c.oid) AS actual OFFSET 0) AS v
WHERE c.collversion IS NOT NULL
    AND c.collversion IS DISTINCT FROM v.actual
    AND c.oid IN (SELECT a.attcollation FROM pg_attribute AS a)
ORDER BY n.nspname, c.collname
