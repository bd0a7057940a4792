-- The constraints of tables that are marked NOT VALID: those of their rows, and foreign keys.
SELECT k.oid::bigint AS oid,
       k.conrelid::bigint AS table_oid,
       k.conname AS name,
       k.contype = 'f' AS is_foreign_key
FROM pg_constraint AS k
WHERE k.conrelid = ANY (%(oids)s::oid[])
  AND k.contype IN ('c', 'f') AND NOT k.convalidated AND k.conparentid = 0
ORDER BY k.conrelid, k.conname COLLATE "C"
