-- Chunks of a table, each with its number of rows, the digest of them, and the age of the youngest:
-- where that is more than the horizon's, every row is old. A frozen row keeps its xmin, and age() is
-- the cheapest way from a transaction id to a number. OFFSET 0 keeps the digest of a row from being
-- computed twice. It is a TID range scan for each chunk, from PostgreSQL 14 on.
SELECT q.rows, q.first, q.second, coalesce(q.youngest > age(g.horizon), true) AS all_old
FROM unnest(%(starts)s::bigint[], %(ends)s::bigint[], %(horizons)s::xid[])
    WITH ORDINALITY AS g (begins, ends, horizon, place)
CROSS JOIN LATERAL (
    SELECT count(*) AS rows,
           coalesce(sum(hashint4extended(1, v.digest)), 0) AS first,
           coalesce(sum(hashint4extended(2, v.digest)), 0) AS second,
           min(v.age) AS youngest
    FROM (
        SELECT age(x.xmin) AS age, {digest} AS digest
        FROM ONLY {table} AS x
        WHERE x.ctid >= format('(%%s,0)', g.begins)::tid AND x.ctid < format('(%%s,0)', g.ends)::tid
        OFFSET 0
    ) AS v
) AS q
ORDER BY g.place
