-- Writes a marker. Returns its transaction.
INSERT INTO backup_drills.heartbeat (id, drill, run_id, position)
VALUES (%(id)s, %(drill)s, %(run_id)s, %(position)s)
RETURNING pg_current_xact_id()::text::bigint AS xid
