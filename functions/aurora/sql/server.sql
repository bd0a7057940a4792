-- Which server this is, what time it has there, and how far the transaction ids have come.
SELECT current_setting('server_version') AS version,
       current_setting('server_version_num')::int AS version_number,
       pg_postmaster_start_time() AS started_at,
       coalesce(host(inet_server_addr()), '') AS address,
       pg_is_in_recovery() AS in_recovery,
       clock_timestamp() AS clock,
       pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next_xid
