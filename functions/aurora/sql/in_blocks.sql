-- The part of a query that keeps it to a range of blocks: a TID range scan from PostgreSQL 14 on.
WHERE x.ctid >= %(start)s::tid AND x.ctid < %(end)s::tid
