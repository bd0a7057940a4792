-- The versions in a chunk that were written from the horizon on, up to below the place `below`.
SELECT v.ctid::text AS ctid,
       v.place,
       hashint4extended(1, v.digest) AS first,
       hashint4extended(2, v.digest) AS second
FROM (
    SELECT x.ctid,
           ((SELECT age(%(horizon)s::xid)::bigint) - age(x.xmin)) & 4294967295 AS place,
           {digest} AS digest
    FROM ONLY {table} AS x
    WHERE x.ctid >= %(start)s::tid AND x.ctid < %(end)s::tid
      AND ((SELECT age(%(horizon)s::xid)::bigint) - age(x.xmin)) & 4294967295 < %(below)s
    OFFSET 0
) AS v
LIMIT %(most)s
