-- How many rows in some blocks of a table refer to a row that is not there.
SELECT count(*) AS orphans
FROM ONLY {child} AS x
WHERE x.ctid >= %(start)s::tid
    AND x.ctid < %(end)s::tid
    AND ({refers})
    AND NOT EXISTS (SELECT FROM {parent} AS p WHERE {matched})
