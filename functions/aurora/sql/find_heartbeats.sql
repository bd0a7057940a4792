-- Those of the given heartbeats that are there.
SELECT h.id::text AS id
FROM backup_drills.heartbeat AS h
WHERE h.id = ANY (%(ids)s::uuid[])
