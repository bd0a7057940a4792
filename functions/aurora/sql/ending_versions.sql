-- The versions in a chunk that bear the mark of a transaction which ended them, or tried to, or only
-- locked them. The mark is a transaction's id, or that of several in one: `several` is true where
-- such a one exists by that number.
SELECT v.ctid::text AS ctid,
       v.place,
       v.mark::text::bigint AS mark,
       mxid_age(v.mark) > 0 AS several,
       hashint4extended(1, v.digest) AS first,
       hashint4extended(2, v.digest) AS second
FROM (
    SELECT x.ctid,
           x.xmax AS mark,
           ((SELECT age(%(horizon)s::xid)::bigint) - age(x.xmin)) & 4294967295 AS place,
           {digest} AS digest
    FROM ONLY {table} AS x
    WHERE x.ctid >= %(start)s::tid AND x.ctid < %(end)s::tid AND x.xmax <> '0'::xid
    OFFSET 0
) AS v
LIMIT %(most)s
