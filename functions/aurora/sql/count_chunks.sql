-- The same without a digest.
SELECT q.rows, 0 AS first, 0 AS second, coalesce(q.youngest > age(g.horizon), true) AS all_old
FROM unnest(%(starts)s::bigint[], %(ends)s::bigint[], %(horizons)s::xid[])
    WITH ORDINALITY AS g (begins, ends, horizon, place)
CROSS JOIN LATERAL (
    SELECT count(*) AS rows, min(age(x.xmin)) AS youngest
    FROM ONLY {table} AS x
    WHERE x.ctid >= format('(%%s,0)', g.begins)::tid AND x.ctid < format('(%%s,0)', g.ends)::tid
) AS q
ORDER BY g.place
