-- How many rows of a table, or of a sample of it, hold a value in a column.
SELECT count(x.{column}) AS filled
FROM {table} AS x {sample}
