-- Deletes heartbeats that are older than the longest retention (35 days) of a backup.
DELETE FROM backup_drills.heartbeat
WHERE beat_at < clock_timestamp() - interval '40 days'
