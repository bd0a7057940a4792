-- What some damages need beside the sample company: rows that are equal, in a table without a key.
CREATE TABLE rubedo_ledger.turnstile (door text NOT NULL, passed_at timestamptz NOT NULL);
INSERT INTO rubedo_ledger.turnstile
SELECT door, '2026-01-01 08:00:00+00'
FROM unnest(ARRAY['east', 'west', 'north', 'north']) AS door;
ALTER TABLE rubedo_ledger.turnstile OWNER TO fibonacci_admin;

-- A row to be deleted long before the restore point, in a page that nothing tidies up.
INSERT INTO albedo_orders.countries VALUES ('XA', 'Atlântida', 0, 0);

-- The verifier logs in with a password, which the server itself asks for.
REVOKE rds_iam FROM backup_drills_verifier;
