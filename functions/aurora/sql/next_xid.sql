-- What time it is, and which transaction id was not in use yet just before.
SELECT clock_timestamp() AS clock,
       pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest_running,
       pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next_xid
