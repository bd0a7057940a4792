-- How many workers the server may have for subscriptions.
SELECT current_setting('max_logical_replication_workers')::int AS workers
