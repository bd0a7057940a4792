-- The newest value of a column up to a moment, and whether there is a later one.
SELECT (SELECT max(x.{column}) FROM {table} AS x WHERE x.{column} <= %(limit)s)::timestamptz AS newest,
       EXISTS (SELECT FROM {table} AS x WHERE x.{column} > %(limit)s) AS later
