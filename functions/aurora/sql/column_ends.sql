-- The least and the greatest value of a column, from the ends of its index.
SELECT min(x.{column})::bigint AS least, max(x.{column})::bigint AS most
FROM {table} AS x
