-- The versions at these places of a table.
SELECT v.ctid::text AS ctid,
       v.place,
       hashint4extended(1, v.digest) AS first,
       hashint4extended(2, v.digest) AS second
FROM (
    SELECT x.ctid,
           ((SELECT age(%(horizon)s::xid)::bigint) - age(x.xmin)) & 4294967295 AS place,
           {digest} AS digest
    FROM ONLY {table} AS x
    WHERE x.ctid = ANY (%(ctids)s::tid[])
    OFFSET 0
) AS v
