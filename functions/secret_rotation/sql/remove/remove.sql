-- Takes away what setup/install.sql made. Run it as the same user, in the same database:
--
--     psql --dbname=DATABASE --set=ON_ERROR_STOP=1 --single-transaction \
--          --set=role=backup_drills_rotation --file=remove.sql

SET LOCAL backup_drills.role = :'role';

DO $remove$
DECLARE
    user_name text;
BEGIN
    -- The first is the one that a rotation between alternating users makes.
    FOREACH user_name IN ARRAY ARRAY[
        current_setting('backup_drills.role') || '_clone', current_setting('backup_drills.role')
    ] LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = user_name) THEN
            EXECUTE format('REVOKE ALL ON DATABASE %I FROM %I', current_database(), user_name);
            EXECUTE format('DROP ROLE %I', user_name);
        END IF;
    END LOOP;
END
$remove$;
