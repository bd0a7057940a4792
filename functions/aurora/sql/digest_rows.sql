-- The rows in some blocks of a table whose bucket is one of the chosen: places and digests, nothing
-- else. Late is what a transaction has written that began after the given one, modulo 2^32.
SELECT v.ctid::text AS ctid,
       v.key,
       v.digest,
       (((SELECT age(%(since)s::xid))::bigint - age(v.xmin)) & 4294967295) < 16777216 AS late
FROM (
    SELECT x.ctid, x.xmin, {key} AS key, {digest} AS digest
    FROM ONLY {table} AS x
    {blocks}
    OFFSET 0
) AS v
WHERE v.key & %(mask)s = ANY (%(chosen)s::bigint[])
