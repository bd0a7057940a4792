-- What an estate gathers over the years beside its tables: rights by default, settings, a publication
-- for the warehouse, a subscription that was switched off, a foreign server, guards and statistics.
ALTER TABLE albedo_orders.payments ADD CONSTRAINT payments_are_positive CHECK (amount > 0);

CREATE STATISTICS rubedo_ledger.journal_of_accounts (dependencies)
    ON account, currency FROM rubedo_ledger.journal;

CREATE RULE accounts_are_for_ever AS ON DELETE TO rubedo_ledger.accounts DO INSTEAD NOTHING;

ALTER DEFAULT PRIVILEGES FOR ROLE fibonacci_admin IN SCHEMA nigredo_leads
    GRANT SELECT ON TABLES TO fibonacci_reporting;

COMMENT ON TABLE nigredo_leads.leads IS 'Who may become a customer';

DO $$
BEGIN
    EXECUTE format('ALTER DATABASE %I SET default_statistics_target = 200', current_database());
END
$$;
ALTER ROLE fibonacci_reporting SET work_mem = '16MB';

CREATE FUNCTION rubedo_ledger.note_change() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE DEBUG 'the definitions were changed: %', TG_TAG;
END
$$;
CREATE EVENT TRIGGER note_change ON ddl_command_end
    EXECUTE FUNCTION rubedo_ledger.note_change();

SET client_min_messages = error;  -- that this server keeps too little WAL to publish it
CREATE PUBLICATION warehouse FOR TABLE albedo_orders.orders, albedo_orders.order_lines;
CREATE SUBSCRIPTION prices CONNECTION 'host=127.0.0.1 port=1 dbname=prices password=long-gone'
    PUBLICATION prices WITH (connect = false);
RESET client_min_messages;

DO $$
BEGIN
    CREATE EXTENSION postgres_fdw;
    CREATE SERVER archive FOREIGN DATA WRAPPER postgres_fdw
        OPTIONS (host 'archive.invalid', dbname 'archive');
    CREATE USER MAPPING FOR fibonacci_app SERVER archive
        OPTIONS (user 'archivist', password 'in-the-archive');
EXCEPTION WHEN feature_not_supported OR undefined_file THEN
    NULL;  -- a PostgreSQL without its contrib modules
END
$$;
