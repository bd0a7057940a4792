-- What Backup Drills needs on a source: a table for its heartbeats and a role that reads.
-- Run it once as the master user, in the database that is drilled, and again after an upgrade:
--
--     psql --dbname=DATABASE --set=ON_ERROR_STOP=1 --single-transaction --file=install.sql
--
-- Nothing else on the source is changed. What the server does not permit is left out, with a
-- notice; the report of a drill shows what is missing. remove/remove.sql takes all of it away.

CREATE SCHEMA IF NOT EXISTS backup_drills;
COMMENT ON SCHEMA backup_drills IS 'Backup Drills: proof of where a restore has landed';

CREATE TABLE IF NOT EXISTS backup_drills.heartbeat (
    id       uuid        PRIMARY KEY,
    drill    text        NOT NULL,
    run_id   text        NOT NULL,
    position text        NOT NULL CHECK (position IN ('before', 'after', 'beat')),
    beat_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE backup_drills.heartbeat IS 'Markers that drills write around a restore point';
CREATE INDEX IF NOT EXISTS heartbeat_beat_at ON backup_drills.heartbeat (beat_at);

-- The first heartbeat: a restore to any moment from now on has one before it.
INSERT INTO backup_drills.heartbeat (id, drill, run_id, position)
VALUES (gen_random_uuid(), 'setup', 'setup', 'beat');

-- The role. It has no password: it logs in with an IAM token.
DO $install$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'backup_drills_verifier') THEN
        CREATE ROLE backup_drills_verifier;
    END IF;
    ALTER ROLE backup_drills_verifier LOGIN CONNECTION LIMIT 20;
    ALTER ROLE backup_drills_verifier SET default_transaction_read_only = on;
    COMMENT ON ROLE backup_drills_verifier IS 'Backup Drills: reads source and copy';
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO backup_drills_verifier', current_database());
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_iam') THEN
        GRANT rds_iam TO backup_drills_verifier;
    END IF;
END
$install$;

GRANT USAGE ON SCHEMA backup_drills TO backup_drills_verifier;
GRANT SELECT, INSERT, DELETE ON backup_drills.heartbeat TO backup_drills_verifier;

-- Reading every table: a grant of PostgreSQL 14 and later; before that, and where it may not be
-- given, table by table, and for those that this user makes later on.
DO $install$
DECLARE
    schema_name text;
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'pg_read_all_data') THEN
        BEGIN
            GRANT pg_read_all_data TO backup_drills_verifier;
            RETURN;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'pg_read_all_data may not be granted here: granting table by table';
        END;
    END IF;
    FOR schema_name IN
        SELECT nspname FROM pg_namespace
        WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'backup_drills')
    LOOP
        BEGIN
            EXECUTE format('GRANT USAGE ON SCHEMA %I TO backup_drills_verifier', schema_name);
            EXECUTE format(
                'GRANT SELECT ON ALL TABLES IN SCHEMA %I TO backup_drills_verifier', schema_name
            );
            EXECUTE format(
                'ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT ON TABLES'
                ' TO backup_drills_verifier',
                schema_name
            );
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'schema % may not be granted by %: its tables will not be compared',
                schema_name, current_user;
        END;
    END LOOP;
END
$install$;

-- Reading every row. Without it a table with row-level security is reported as not compared.
DO $install$
BEGIN
    ALTER ROLE backup_drills_verifier BYPASSRLS;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'BYPASSRLS may not be given by %: tables with row-level security are not compared',
        current_user;
END
$install$;

-- Checking indexes and pages of the copy.
DO $install$
DECLARE
    function_name regprocedure;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'amcheck') THEN
        RAISE NOTICE 'amcheck is not available here: indexes and pages are not checked';
        RETURN;
    END IF;
    CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA backup_drills;
    FOR function_name IN
        SELECT d.objid::regprocedure
        FROM pg_depend AS d
        JOIN pg_extension AS e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
        WHERE e.extname = 'amcheck' AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO backup_drills_verifier', function_name);
    END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'amcheck may not be installed by %: indexes and pages are not checked',
        current_user;
END
$install$;
