-- The digest of the rows of a table, or of some of its blocks: how many, and two sums of their
-- digests, each mixed once more. hashint8 would fold a digest into 32 bits; a seed is taken in whole.
-- OFFSET 0 keeps the digest of a row from being computed twice.
SELECT count(*) AS rows,
       coalesce(sum(hashint4extended(1, v.digest)), 0) AS first,
       coalesce(sum(hashint4extended(2, v.digest)), 0) AS second
FROM (
    SELECT {digest} AS digest
    FROM ONLY {table} AS x
    {blocks}
    OFFSET 0
) AS v
