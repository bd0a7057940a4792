-- One chunk of a table, closely: all rows, the old ones and their digest, those that came too late,
-- those that may be either, and the place of the nearest old one within the window.
-- The place of a version is how many transactions lie between the horizon and its writer, modulo
-- 2^32, for frozen versions keep their xmin; which places mean what is for comparison.py to say.
SELECT count(*) AS rows,
       count(*) FILTER (WHERE v.place >= %(old_from)s) AS old,
       coalesce(sum(hashint4extended(1, v.digest)) FILTER (WHERE v.place >= %(old_from)s), 0)
           AS first,
       coalesce(sum(hashint4extended(2, v.digest)) FILTER (WHERE v.place >= %(old_from)s), 0)
           AS second,
       count(*) FILTER (WHERE v.place < %(old_from)s AND v.place >= %(late_from)s) AS late,
       count(*) FILTER (WHERE v.place < %(unsure_below)s AND v.place >= %(unsure_from)s) AS unsure,
       min(v.place) FILTER (WHERE v.place < %(window)s AND v.place >= %(old_from)s) AS nearest
FROM (
    SELECT ((SELECT age(%(horizon)s::xid)::bigint) - age(x.xmin)) & 4294967295 AS place,
           {digest} AS digest
    FROM ONLY {table} AS x
    WHERE x.ctid >= %(start)s::tid AND x.ctid < %(end)s::tid
    OFFSET 0
) AS v
