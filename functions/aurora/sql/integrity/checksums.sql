-- Whether pages carry checksums, and how many of those read did not match them.
SELECT current_setting('data_checksums')::boolean AS enabled,
       coalesce(sum(s.checksum_failures), 0)::bigint AS failures
FROM pg_stat_database AS s
WHERE s.datname = current_database() OR s.datid = 0
