-- What is made once the rows are there: keys, indexes, views, functions, triggers, policies, grants.
ALTER TABLE nigredo_leads.leads ADD PRIMARY KEY (id);
ALTER TABLE nigredo_leads.lead_events ADD PRIMARY KEY (id, occurred_at);
ALTER TABLE nigredo_leads.lead_notes ADD PRIMARY KEY (id);
ALTER TABLE nigredo_leads.segment_members ADD PRIMARY KEY (segment_id, lead_id);
ALTER TABLE albedo_orders.customers ADD PRIMARY KEY (id);
ALTER TABLE albedo_orders.orders ADD PRIMARY KEY (id);
ALTER TABLE albedo_orders.order_lines ADD PRIMARY KEY (order_id, line);
ALTER TABLE albedo_orders.payments ADD PRIMARY KEY (id);
ALTER TABLE albedo_orders.stock_movements ADD PRIMARY KEY (id, warehouse);
ALTER TABLE rubedo_ledger.journal ADD PRIMARY KEY (id);
ALTER TABLE rubedo_ledger.audit_log ADD PRIMARY KEY (id);

CREATE UNIQUE INDEX leads_public_id ON nigredo_leads.leads (public_id);
CREATE INDEX leads_created_at ON nigredo_leads.leads (created_at);
CREATE INDEX leads_open ON nigredo_leads.leads (campaign_id) WHERE status IN ('new', 'contacted');
CREATE INDEX leads_name ON nigredo_leads.leads (lower(full_name));
CREATE INDEX lead_events_lead ON nigredo_leads.lead_events (lead_id);
CREATE INDEX lead_notes_lead ON nigredo_leads.lead_notes (lead_id);
CREATE INDEX segment_members_lead ON nigredo_leads.segment_members (lead_id);
CREATE INDEX customers_lead ON albedo_orders.customers (lead_id);
CREATE INDEX products_attributes ON albedo_orders.products USING gin (attributes);
CREATE INDEX orders_customer ON albedo_orders.orders (customer_id);
CREATE INDEX payments_order ON albedo_orders.payments (order_id);
CREATE INDEX journal_words ON rubedo_ledger.journal USING gin (words);
CREATE INDEX journal_booked ON rubedo_ledger.journal USING brin (booked_at);

ALTER TABLE nigredo_leads.campaigns
    ADD FOREIGN KEY (source_id) REFERENCES nigredo_leads.sources;
ALTER TABLE nigredo_leads.leads
    ADD FOREIGN KEY (campaign_id) REFERENCES nigredo_leads.campaigns;
ALTER TABLE nigredo_leads.lead_events
    ADD FOREIGN KEY (lead_id) REFERENCES nigredo_leads.leads ON DELETE CASCADE;
ALTER TABLE nigredo_leads.lead_notes
    ADD FOREIGN KEY (lead_id) REFERENCES nigredo_leads.leads ON DELETE CASCADE;
ALTER TABLE nigredo_leads.segment_members
    ADD FOREIGN KEY (lead_id) REFERENCES nigredo_leads.leads ON DELETE CASCADE,
    ADD FOREIGN KEY (segment_id) REFERENCES nigredo_leads.segments;
ALTER TABLE albedo_orders.orders
    ADD FOREIGN KEY (customer_id) REFERENCES albedo_orders.customers;
ALTER TABLE albedo_orders.order_lines
    ADD FOREIGN KEY (order_id) REFERENCES albedo_orders.orders ON DELETE CASCADE,
    ADD FOREIGN KEY (sku) REFERENCES albedo_orders.products;
ALTER TABLE albedo_orders.payments
    ADD FOREIGN KEY (order_id) REFERENCES albedo_orders.orders ON DELETE CASCADE;
ALTER TABLE rubedo_ledger.journal
    ADD FOREIGN KEY (account) REFERENCES rubedo_ledger.accounts;

CREATE VIEW nigredo_leads.open_leads AS
SELECT leads.id, leads.full_name, campaigns.name AS campaign
FROM nigredo_leads.leads JOIN nigredo_leads.campaigns ON campaigns.id = leads.campaign_id
WHERE leads.status IN ('new', 'contacted');

CREATE MATERIALIZED VIEW rubedo_ledger.monthly_totals AS
SELECT date_trunc('month', booked_at) AS month, currency, sum(amount) AS total, count(*) AS entries
FROM rubedo_ledger.journal
GROUP BY 1, 2;
CREATE UNIQUE INDEX monthly_totals_key ON rubedo_ledger.monthly_totals (month, currency);

CREATE FUNCTION nigredo_leads.touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END
$$;
CREATE TRIGGER leads_touch BEFORE UPDATE ON nigredo_leads.leads
    FOR EACH ROW EXECUTE FUNCTION nigredo_leads.touch();

CREATE FUNCTION rubedo_ledger.audit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = rubedo_ledger, pg_catalog AS $$
BEGIN
    INSERT INTO rubedo_ledger.audit_log (relation, action, before)
    VALUES (TG_TABLE_NAME, TG_OP, to_jsonb(OLD));
    RETURN NULL;
END
$$;
CREATE TRIGGER orders_audit AFTER UPDATE OR DELETE ON albedo_orders.orders
    FOR EACH ROW EXECUTE FUNCTION rubedo_ledger.audit();

CREATE FUNCTION albedo_orders.order_total(wanted bigint) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(amount), 0) FROM albedo_orders.order_lines WHERE order_id = wanted
$$;

ALTER TABLE nigredo_leads.private_notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON nigredo_leads.private_notes USING (NOT confidential);

DO $$
DECLARE
    schemas constant name[] := '{nigredo_leads,albedo_orders,rubedo_ledger}';
    schema name;
    relation regclass;
BEGIN
    FOREACH schema IN ARRAY schemas LOOP
        EXECUTE format(
            'ALTER SCHEMA %1$I OWNER TO fibonacci_admin;'
            'GRANT USAGE ON SCHEMA %1$I TO fibonacci_app, fibonacci_reporting;'
            'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %1$I TO fibonacci_app;'
            'GRANT USAGE ON ALL SEQUENCES IN SCHEMA %1$I TO fibonacci_app;'
            'GRANT SELECT ON ALL TABLES IN SCHEMA %1$I TO fibonacci_reporting',
            schema
        );
    END LOOP;
    FOR relation IN
        SELECT oid FROM pg_class
        WHERE relkind IN ('r', 'p', 'v', 'm') AND relnamespace::regnamespace::name = ANY (schemas)
    LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO fibonacci_admin', relation);
    END LOOP;
END
$$;
