-- What the rehearsal of a rotation needs on a source: a role that may log in, and nothing more.
-- Run it once as the master user, in the database of the secret, after the stack was deployed:
--
--     psql --dbname=DATABASE --set=ON_ERROR_STOP=1 --single-transaction \
--          --set=role=backup_drills_rotation \
--          --set=password="PASSWORD OF THE SECRET drill-rotation-..." --file=install.sql
--
-- The password is good until the first rehearsal, which rotates it. Running this again with the
-- secret's present password mends a role that no longer agrees with its secret.

SET LOCAL backup_drills.role = :'role';

DO $install$
DECLARE
    user_name text := current_setting('backup_drills.role');
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = user_name) THEN
        EXECUTE format('CREATE ROLE %I', user_name);
    END IF;
    EXECUTE format('ALTER ROLE %I LOGIN', user_name);
    EXECUTE format(
        'COMMENT ON ROLE %I IS %L', user_name, 'Backup Drills: its password is rotated, to see that'
    );
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), user_name);
    -- Where RDS restricts who may change a password, even one's own.
    IF current_setting('rds.restrict_password_commands', true) IN ('1', 'on') THEN
        EXECUTE format('GRANT rds_password TO %I', user_name);
    END IF;
END
$install$;

ALTER ROLE :"role" PASSWORD :'password';
