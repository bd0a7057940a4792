-- Deletes heartbeats that are older than the longest retention (35 days) of a backup, a few at once.
DELETE FROM backup_drills.heartbeat
WHERE id IN (
    SELECT h.id
    FROM backup_drills.heartbeat AS h
    WHERE h.beat_at < clock_timestamp() - interval '40 days'
    ORDER BY h.beat_at
    LIMIT 10000
)
