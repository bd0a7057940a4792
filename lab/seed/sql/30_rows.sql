-- About 200,000 rows at scale 1 (setting fibonacci.scale), all derived from a running number.
CREATE FUNCTION pg_temp.numbers(wanted integer) RETURNS SETOF integer LANGUAGE sql AS $$
    SELECT generate_series(
        1, greatest(1, round(wanted * current_setting('fibonacci.scale')::numeric)::integer)
    )
$$;
CREATE FUNCTION pg_temp.uuid_of(kind text, number integer) RETURNS uuid LANGUAGE sql AS $$
    SELECT md5(kind || number)::uuid
$$;

DO $$
DECLARE
    month date;
BEGIN
    FOR month IN
        SELECT generate_series(
            date_trunc('month', now()) - interval '3 months', date_trunc('month', now()), '1 month'
        )
    LOOP
        EXECUTE format(
            'CREATE TABLE nigredo_leads.lead_events_%s PARTITION OF nigredo_leads.lead_events '
            'FOR VALUES FROM (%L) TO (%L)',
            to_char(month, 'YYYY_MM'), month, month + interval '1 month'
        );
    END LOOP;
END
$$;
CREATE TABLE nigredo_leads.lead_events_other PARTITION OF nigredo_leads.lead_events DEFAULT;

INSERT INTO nigredo_leads.sources (name, active)
SELECT name, name <> 'Fax'
FROM unnest(ARRAY['Site', 'Instagram', 'Feira', 'Indicação', 'Parceiro', 'Fax']) AS name;

INSERT INTO nigredo_leads.campaigns
SELECT
    pg_temp.uuid_of('campaign', n),
    1 + n % 6,
    'Campanha ' || n,
    n * 1597.13,
    daterange(current_date - n * 7, current_date - n * 7 + 55),
    ARRAY['wave-' || n % 5, 'ação'],
    jsonb_build_object('daily', n * 1.50, 'channels', jsonb_build_array('a', n, NULL))
FROM generate_series(1, 60) AS n;

INSERT INTO nigredo_leads.leads
    (public_id, campaign_id, email, full_name, phone, status, score, tags, attributes, created_at,
     updated_at)
SELECT
    pg_temp.uuid_of('lead', n),
    pg_temp.uuid_of('campaign', 1 + n % 60),
    'Lead.' || n || '@' || (ARRAY['example.com', 'example.org', 'Exemplo.com.br'])[1 + n % 3],
    'Pessoa Número ' || n,
    CASE WHEN n % 4 > 0 THEN '+55 11 9' || lpad((n * 7919 % 100000000)::text, 8, '0') END,
    (enum_range(NULL::nigredo_leads.lead_status))[1 + n % 5],
    (n * 37 % 100000) / 1000.0,
    CASE WHEN n % 3 = 0 THEN ARRAY['vip', 'tag-' || n % 50] ELSE '{}' END,
    jsonb_build_object('utm', md5(n::text), 'visits', n % 40, 'ratio', n / 3.0),
    now() - n * interval '4 minutes',
    CASE WHEN n % 2 = 0 THEN now() - n * interval '2 minutes' END
FROM pg_temp.numbers(40000) AS n;

INSERT INTO nigredo_leads.lead_events (lead_id, kind, payload, occurred_at)
SELECT
    1 + n % (SELECT max(id) FROM nigredo_leads.leads),
    (enum_range(NULL::nigredo_leads.event_kind))[1 + n % 5],
    CASE WHEN n % 5 > 0 THEN jsonb_build_object('page', '/p/' || n % 200, 'ms', n % 3000) END,
    now() - n * interval '3 minutes'
FROM pg_temp.numbers(60000) AS n;

INSERT INTO nigredo_leads.lead_notes (lead_id, author, body)
SELECT
    1 + n % (SELECT max(id) FROM nigredo_leads.leads),
    'agent-' || n % 12,
    repeat('Ligou e pediu retorno. ', 1 + n % 9)
FROM pg_temp.numbers(8000) AS n;

INSERT INTO nigredo_leads.private_notes (subject, body, confidential)
SELECT 'Assunto ' || n, repeat(md5(n::text), 3), n % 4 = 0
FROM pg_temp.numbers(2000) AS n;

INSERT INTO nigredo_leads.consents
SELECT
    sha256(n::text::bytea),
    (ARRAY['newsletter', 'profiling'])[1 + n % 2],
    now() - n * interval '1 hour',
    ('10.' || n % 200 || '.7.' || n % 250)::inet,
    CASE WHEN n % 10 = 0 THEN decode(repeat(md5(n::text), 40), 'hex') END
FROM pg_temp.numbers(8000) AS n;

INSERT INTO nigredo_leads.segments
SELECT
    n, 'Segmento ' || n, numrange(n * 2, n * 2 + 10), point(n, -n / 3.0),
    n * interval '1 day 02:03:04.5',
    json_build_object('min', n, 'spaces  kept', true)
FROM generate_series(1, 40) AS n;

INSERT INTO nigredo_leads.segment_members
SELECT 1 + n % 40, 1 + n % (SELECT max(id) FROM nigredo_leads.leads), current_date - n % 90
FROM pg_temp.numbers(9000) AS n
ON CONFLICT DO NOTHING;

INSERT INTO nigredo_leads.import_batches
SELECT
    pg_temp.uuid_of('batch', n), 'leads-' || n || '.csv', n * 13, n % 3, n * interval '41 ms',
    now() - n * interval '1 day'
FROM generate_series(1, 200) AS n;

INSERT INTO nigredo_leads.import_lines
SELECT pg_temp.uuid_of('batch', 1 + n % 200), n, md5(n::text)
FROM pg_temp.numbers(3000) AS n;

INSERT INTO albedo_orders.countries VALUES
    ('BR', 'Brasil', 203080756, 8510417.771),
    ('PT', 'Portugal', 10639726, 92230),
    ('IT', 'Italia', 58934177, 302068.26),
    ('AR', 'Argentina', 46234830, 2780400),
    ('AQ', 'Antártida', NULL, 14200000);

INSERT INTO albedo_orders.customers (lead_id, name, tax_id, ships_to, credit_limit)
SELECT
    CASE WHEN n % 2 = 0 THEN n END,
    'Cliente ' || n,
    CASE WHEN n % 7 > 0 THEN lpad((n * 104729 % 100000000)::text, 14, '0') END,
    ROW('Rua ' || n, 'São Paulo', '0' || 1000 + n % 8999, 'BR')::albedo_orders.address,
    n * 10
FROM pg_temp.numbers(4000) AS n;

INSERT INTO albedo_orders.products
SELECT
    'SKU-' || lpad(n::text, 5, '0'), 'Produto ' || n, n * 3.14, n / 7.0,
    ARRAY[n, n * 2, n * 3], jsonb_build_object('colour', 'c' || n % 16, 'stock', n),
    CASE WHEN n % 4 = 0 THEN decode(repeat(md5(n::text), 200 + n), 'hex') END
FROM generate_series(1, 500) AS n;

INSERT INTO albedo_orders.orders (customer_id, state, total, placed_at)
SELECT
    1 + n % (SELECT max(id) FROM albedo_orders.customers),
    (enum_range(NULL::albedo_orders.order_state))[1 + n % 5],
    n % 9000 + 0.99,
    now() - n * interval '11 minutes'
FROM pg_temp.numbers(12000) AS n;

INSERT INTO albedo_orders.order_lines (order_id, line, sku, quantity, unit_price)
SELECT n, line, 'SKU-' || lpad((1 + (n + line) % 500)::text, 5, '0'), 1 + n % 9, 3.14 * line
FROM pg_temp.numbers(12000) AS n, generate_series(1, 2) AS line;

INSERT INTO albedo_orders.payments
SELECT
    pg_temp.uuid_of('payment', n), n, n % 9000 + 0.99, (ARRAY['pix', 'card', 'boleto'])[1 + n % 3],
    now() - n * interval '10 minutes'
FROM pg_temp.numbers(10000) AS n;

INSERT INTO albedo_orders.shipments (order_id, carrier, scanner, pick_up, events)
SELECT
    n, 'Carrier ' || n % 5, ('08:00:2b:01:02:' || lpad(to_hex(n % 256), 2, '0'))::macaddr,
    '08:30:00-03'::timetz + n % 480 * interval '1 minute',
    ARRAY[jsonb_build_object('at', n), '{"left": true}']
FROM pg_temp.numbers(4000) AS n;

INSERT INTO albedo_orders.invoices
SELECT
    'NF-' || lpad(n::text, 6, '0'),
    1 + n % (SELECT max(id) FROM albedo_orders.customers),
    current_date - n,
    (SELECT string_agg(md5((n * 1000 + part)::text), '') FROM generate_series(1, 150) AS part)
FROM pg_temp.numbers(400) AS n;

INSERT INTO albedo_orders.stock_movements (warehouse, sku, quantity, moved_at)
SELECT
    (ARRAY['lisboa', 'recife', 'torino'])[1 + n % 3],
    'SKU-' || lpad((1 + n % 500)::text, 5, '0'), n % 21 - 10, now() - n * interval '7 minutes'
FROM pg_temp.numbers(8000) AS n;

INSERT INTO rubedo_ledger.accounts
SELECT 1000 + n, 'Conta ' || n, (n % 256)::bit(8)
FROM generate_series(1, 80) AS n;

INSERT INTO rubedo_ledger.journal (account, amount, currency, memo, booked_at)
SELECT
    1001 + n % 80, n / 7.0 - 900, (ARRAY['BRL', 'EUR', 'USD'])[1 + n % 3],
    CASE WHEN n % 6 > 0 THEN 'Lançamento ' || n END, now() - n * interval '5 minutes'
FROM pg_temp.numbers(12000) AS n;

INSERT INTO rubedo_ledger.exchange_rates
SELECT current_date - n / 3, (ARRAY['EUR', 'USD', 'ARS'])[1 + n % 3], 1 + (n * 31 % 5000) / 1000.0
FROM generate_series(0, 2999) AS n;

INSERT INTO rubedo_ledger.measurements VALUES
    ('zero', 0.00, '-0', '10.0.0.0/8', '((0,0),(1,1),(1,0))', B'0', '{}'),
    ('unit', 1.0, 1, '192.168.0.0/16', NULL, B'101', '{a,NULL,"c d"}'),
    ('not a number', 'NaN', 'NaN', '::1/128', NULL, B'', NULL),
    ('without end', 'Infinity', '-Infinity', NULL, NULL, NULL, '{"ünï"}');

SELECT setval('rubedo_ledger.invoice_numbers', 24000);
