-- The length in bytes of the main file of each table, by its oid.
SELECT c.oid::bigint AS oid, coalesce(pg_relation_size(c.oid), 0) AS bytes
FROM pg_class AS c
WHERE c.oid = ANY (%(oids)s::oid[])
