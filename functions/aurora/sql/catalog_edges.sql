-- Which transactions a reading of the catalogs is sure to show, and which began after it.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest_running,
       pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next_xid,
       current_setting('server_version_num')::int AS version_number
