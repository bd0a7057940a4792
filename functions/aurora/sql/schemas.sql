-- The schemas of a database, without those of the system and ours.
SELECT n.nspname AS schema
FROM pg_namespace AS n
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'backup_drills')
ORDER BY n.nspname
