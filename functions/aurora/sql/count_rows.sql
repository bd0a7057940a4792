-- The rows of a table or of some of its blocks: all, the old ones, and those that came too late.
-- The place of a version is how many transactions lie between the horizon and its writer, modulo
-- 2^32, for frozen versions keep their xmin. It is old when the writer lies outside of the window,
-- and too late when the writer began after the restore point. age() is the cheapest way from a
-- transaction id to a number; OFFSET 0 keeps it from being computed twice.
SELECT count(*) AS total,
       count(*) FILTER (WHERE v.place >= %(window)s) AS old,
       count(*) FILTER (WHERE v.place >= %(closed)s AND v.place < %(window)s) AS late
FROM (
    SELECT ((SELECT age(%(horizon)s::xid)::bigint) - age(x.xmin)) & 4294967295 AS place
    FROM ONLY {table} AS x
    {blocks}
    OFFSET 0
) AS v
