-- The digest of the rows in some blocks of a table, of each bucket by itself: what remains of the
-- digest of a row's key.
SELECT v.bucket::int AS bucket,
       count(*) AS rows,
       sum(hashint4extended(1, v.digest)) AS first,
       sum(hashint4extended(2, v.digest)) AS second
FROM (
    SELECT {key} & %(mask)s AS bucket, {digest} AS digest
    FROM ONLY {table} AS x
    {blocks}
    OFFSET 0
) AS v
GROUP BY v.bucket
