-- Which transactions changed the row, of those that one mark stands for.
SELECT m.xid::text::bigint AS xid
FROM pg_get_multixact_members(%(mark)s::xid) AS m
WHERE m.mode IN ('nokeyupd', 'upd')
