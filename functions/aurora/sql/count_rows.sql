-- The rows of a table or of some of its blocks: all, the old ones, those that came too late, those
-- that may be either, and the place of the nearest old one within the window.
-- The place of a version is how many transactions lie between the horizon and its writer, modulo
-- 2^32, for frozen versions keep their xmin; which places mean what is for comparison.py to say.
-- age() is the cheapest way from a transaction id to a number; OFFSET 0 keeps it from being computed
-- twice, and what few rows meet is asked first.
SELECT count(*) AS total,
       count(*) FILTER (WHERE v.place >= %(old_from)s) AS old,
       count(*) FILTER (WHERE v.place < %(old_from)s AND v.place >= %(late_from)s) AS late,
       count(*) FILTER (WHERE v.place < %(unsure_below)s AND v.place >= %(unsure_from)s) AS unsure,
       min(v.place) FILTER (WHERE v.place < %(window)s AND v.place >= %(old_from)s) AS nearest
FROM (
    SELECT ((SELECT age(%(horizon)s::xid)::bigint) - age(x.xmin)) & 4294967295 AS place
    FROM ONLY {table} AS x
    {blocks}
    OFFSET 0
) AS v
