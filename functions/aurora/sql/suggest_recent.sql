-- When rows came, by the rows themselves, of a small table or of the last blocks of a large one:
-- the newest value of a column in each hour up to a moment. And whether there is a later value.
SELECT coalesce(bool_or(h.later), false) AS later,
       coalesce(array_agg(h.at ORDER BY h.at DESC) FILTER (WHERE NOT h.later), '{{}}') AS times
FROM (
    SELECT x.{column} > %(limit)s::timestamptz AS later, max(x.{column})::timestamptz AS at
    FROM {table} AS x
    WHERE x.{column} > %(since)s::timestamptz {blocks}
    GROUP BY x.{column} > %(limit)s::timestamptz, date_trunc('hour', x.{column})
) AS h
