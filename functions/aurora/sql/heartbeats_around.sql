-- The heartbeats nearest to a moment, on both sides of it.
(
    SELECT h.id::text AS id, h.beat_at
    FROM backup_drills.heartbeat AS h
    WHERE h.beat_at <= %(moment)s
    ORDER BY h.beat_at DESC
    LIMIT %(limit)s
)
UNION ALL
(
    SELECT h.id::text, h.beat_at
    FROM backup_drills.heartbeat AS h
    WHERE h.beat_at > %(moment)s
    ORDER BY h.beat_at
    LIMIT %(limit)s
)
