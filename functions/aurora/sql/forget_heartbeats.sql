-- Deletes heartbeats that no restore can be placed by any more, a few at once: older than the longest
-- retention of a backup (35 days), and the widest gap between two heartbeats before it (36 days).
DELETE FROM backup_drills.heartbeat
WHERE id IN (
    SELECT h.id
    FROM backup_drills.heartbeat AS h
    WHERE h.beat_at < clock_timestamp() - interval '75 days'
    ORDER BY h.beat_at
    LIMIT 10000
)
