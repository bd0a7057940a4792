-- When the newest heartbeat was written.
SELECT max(h.beat_at) AS beat_at
FROM backup_drills.heartbeat AS h
