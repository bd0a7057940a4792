-- When rows came, by the index of a column: its newest value up to a moment, then the newest one
-- that is an hour older, and so on, each by a look at the index's end. And whether there is a later
-- value.
WITH RECURSIVE walk AS (
    SELECT max(x.{column})::timestamptz AS at
    FROM {table} AS x
    WHERE x.{column} <= %(limit)s::timestamptz AND x.{column} > %(since)s::timestamptz
    UNION ALL
    SELECT (
        SELECT max(x.{column})::timestamptz
        FROM {table} AS x
        WHERE x.{column} <= walk.at - interval '1 hour' AND x.{column} > %(since)s::timestamptz
    )
    FROM walk
    WHERE walk.at IS NOT NULL
)
SELECT coalesce(
           (SELECT max(x.{column}) > %(limit)s::timestamptz FROM {table} AS x), false
       ) AS later,
       ARRAY(SELECT walk.at FROM walk WHERE walk.at IS NOT NULL ORDER BY walk.at DESC) AS times
