-- Takes away what setup/install.sql made. Run it as the same user, in the same database:
--
--     psql --dbname=DATABASE --set=ON_ERROR_STOP=1 --single-transaction --file=remove.sql
--
-- The role is dropped last; where it was installed in several databases, by the last run.

DO $remove$
BEGIN
    IF EXISTS (
        SELECT FROM pg_extension AS e
        JOIN pg_namespace AS n ON n.oid = e.extnamespace
        WHERE e.extname = 'amcheck' AND n.nspname = 'backup_drills'
    ) THEN
        DROP EXTENSION amcheck;
    END IF;
END
$remove$;

DROP TABLE IF EXISTS backup_drills.heartbeat;
DROP SCHEMA IF EXISTS backup_drills;

DO $remove$
DECLARE
    schema_name text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'backup_drills_verifier') THEN
        RETURN;
    END IF;
    -- Not DROP OWNED: that needs membership in the role.
    FOR schema_name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' LOOP
        BEGIN
            EXECUTE format(
                'ALTER DEFAULT PRIVILEGES IN SCHEMA %I REVOKE SELECT ON TABLES'
                ' FROM backup_drills_verifier',
                schema_name
            );
            EXECUTE format(
                'REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM backup_drills_verifier', schema_name
            );
            EXECUTE format('REVOKE ALL ON SCHEMA %I FROM backup_drills_verifier', schema_name);
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'schema % is another owner''s', schema_name;
        END;
    END LOOP;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM backup_drills_verifier', current_database());
    BEGIN
        DROP ROLE backup_drills_verifier;
    EXCEPTION WHEN dependent_objects_still_exist THEN
        RAISE NOTICE 'backup_drills_verifier is still used in another database: run this there too';
    END;
END
$remove$;
