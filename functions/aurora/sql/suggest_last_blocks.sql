-- The part of a query that keeps it to the blocks from one on: a TID range scan, PostgreSQL 14 on.
AND x.ctid >= %(start)s::tid
