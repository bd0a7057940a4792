-- The same of the database's own collation: PostgreSQL 15 and later.
SELECT 'the default' AS name, d.datcollversion AS recorded, v.actual
FROM pg_database AS d
CROSS JOIN LATERAL (SELECT pg_database_collation_actual_version(d.oid) AS actual) AS v
WHERE d.datname = current_database()
    AND d.datcollversion IS NOT NULL
    AND d.datcollversion IS DISTINCT FROM v.actual
