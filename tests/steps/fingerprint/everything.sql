-- One of everything, each with the secret hunter2 wherever one could stand.
CREATE SCHEMA odd;
CREATE ROLE odd_role LOGIN PASSWORD 'hunter2';
ALTER ROLE odd_role SET odd.key = 'hunter2';
ALTER DATABASE fibonacci SET odd.key = 'hunter2';
CREATE COLLATION odd.binary (provider = libc, locale = 'C');
CREATE CONVERSION odd.to_latin FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1;
CREATE TYPE odd.span AS RANGE (subtype = float8);
CREATE TYPE odd.shell;
CREATE DOMAIN odd.word AS text COLLATE odd.binary DEFAULT 'hunter2' NOT NULL
    CONSTRAINT not_secret CHECK (VALUE <> 'hunter2');
CREATE FUNCTION odd.add(a odd.span, b odd.span, why text DEFAULT 'hunter2') RETURNS odd.span
    LANGUAGE sql IMMUTABLE AS $$ SELECT a -- 'hunter2' $$;
CREATE FUNCTION odd.same(odd.span, odd.span) RETURNS boolean
    LANGUAGE sql IMMUTABLE AS $$ SELECT lower($1) = lower($2) $$;
CREATE FUNCTION odd.span_to_text(odd.span) RETURNS text LANGUAGE sql AS $$ SELECT 'span' $$;
CREATE AGGREGATE odd.longest(text)
    (sfunc = pg_catalog.textcat, stype = text, initcond = 'hunter2');
CREATE PROCEDURE odd.proceed() LANGUAGE plpgsql SET odd.key = 'hunter2' AS $$ BEGIN END $$;
CREATE OPERATOR odd.=== (leftarg = odd.span, rightarg = odd.span, function = odd.same);
CREATE OPERATOR FAMILY odd.family USING hash;
CREATE CAST (odd.span AS text) WITH FUNCTION odd.span_to_text(odd.span);
CREATE TEXT SEARCH DICTIONARY odd.plain (template = simple, accept = false);
CREATE TEXT SEARCH CONFIGURATION odd.searching (copy = simple);
CREATE TRUSTED LANGUAGE odd_language HANDLER plpgsql_call_handler;
CREATE FOREIGN DATA WRAPPER odd_wrapper OPTIONS (key 'hunter2');
CREATE SERVER odd_server FOREIGN DATA WRAPPER odd_wrapper OPTIONS (key 'hunter2');
CREATE USER MAPPING FOR odd_role SERVER odd_server OPTIONS (password 'hunter2');
CREATE FOREIGN TABLE odd.elsewhere (a int OPTIONS (key 'hunter2'))
    SERVER odd_server OPTIONS (key 'hunter2');
CREATE TABLE odd.one (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    a text COLLATE odd.binary DEFAULT 'hunter2',
    twice text GENERATED ALWAYS AS (a || 'hunter2') STORED,
    CONSTRAINT one_check CHECK (a <> 'hunter2'),
    EXCLUDE USING btree (a WITH =)
) WITH (fillfactor = 80);
CREATE INDEX one_partial ON odd.one (lower(a)) WHERE a <> 'hunter2';
CREATE STATISTICS odd.one_statistics ON a, twice FROM odd.one;
CREATE FUNCTION odd.fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER fires BEFORE UPDATE ON odd.one FOR EACH ROW
    WHEN (OLD.a <> 'hunter2') EXECUTE FUNCTION odd.fire('hunter2');
CREATE RULE keeps AS ON DELETE TO odd.one WHERE OLD.a = 'hunter2' DO INSTEAD NOTHING;
ALTER TABLE odd.one ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY sees ON odd.one TO odd_role USING (a <> 'hunter2') WITH CHECK (a > 'hunter2');
CREATE VIEW odd.shown WITH (security_barrier) AS SELECT a || 'hunter2' AS b FROM odd.one;
GRANT SELECT (a), UPDATE ON odd.one TO odd_role WITH GRANT OPTION;
GRANT USAGE ON TYPE odd.span TO odd_role;
GRANT USAGE ON FOREIGN SERVER odd_server TO odd_role;
COMMENT ON TABLE odd.one IS 'hunter2';
COMMENT ON ROLE odd_role IS 'hunter2';
CREATE SEQUENCE odd.downwards INCREMENT -5 MAXVALUE 1000 START 1000 CYCLE;
SELECT nextval('odd.downwards');
CREATE PUBLICATION odd_publication FOR TABLE odd.one;
SET client_min_messages = error;
CREATE SUBSCRIPTION odd_subscription CONNECTION 'host=127.0.0.1 password=hunter2'
    PUBLICATION odd WITH (connect = false);
CREATE TABLE odd.plain ();
DO $$
BEGIN
    IF current_setting('server_version_num')::int >= 150000 THEN
        EXECUTE 'GRANT SET ON PARAMETER log_min_messages TO odd_role';
        EXECUTE 'CREATE PUBLICATION odd_schema FOR TABLES IN SCHEMA odd';
    END IF;
END
$$;
