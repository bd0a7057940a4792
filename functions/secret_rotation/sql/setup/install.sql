-- What the rehearsal of a rotation needs on a source: a role that may log in, and nothing more.
-- Run it once as the master user, in the database of the secret, after the stack was deployed:
--
--     psql --dbname=DATABASE --set=ON_ERROR_STOP=1 --single-transaction \
--          --set=password="PASSWORD OF THE SECRET drill-rotation-..." --file=install.sql
--
-- The password is good until the first rehearsal, which rotates it. Running this again with the
-- secret's present password mends a role that no longer agrees with its secret.

DO $install$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'backup_drills_rotation') THEN
        CREATE ROLE backup_drills_rotation;
    END IF;
    ALTER ROLE backup_drills_rotation LOGIN CONNECTION LIMIT 20;
    COMMENT ON ROLE backup_drills_rotation IS 'Backup Drills: its password is rotated, to see that';
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO backup_drills_rotation', current_database());
    -- Where RDS restricts who may change a password, even one's own.
    IF current_setting('rds.restrict_password_commands', true) IN ('1', 'on') THEN
        GRANT rds_password TO backup_drills_rotation;
    END IF;
END
$install$;

ALTER ROLE backup_drills_rotation PASSWORD :'password';
