-- What must be alike on two servers whose digests are compared: how texts are stored, and the probe,
-- a digest of constants in which every hash and image has a part; which server and database this is;
-- and which transactions have ended: another snapshot is the sign that something was written.
SELECT current_setting('server_version') AS version,
       current_setting('server_encoding') AS encoding,
       current_setting('block_size')::int AS block_bytes,
       current_database() AS database,
       pg_postmaster_start_time()::text AS started_at,
       pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next_xid,
       pg_current_snapshot()::text AS snapshot,
       concat_ws(
           ' ',
           hashint4extended(1, 4294967297),
           hashint4extended(-2, -4294967297),
           hashtextextended('a longer text than twelve bytes' COLLATE pg_catalog."C", -3),
           hash_record_extended(
               ROW(
                   true, '\x00ff'::bytea, '1'::cid, '10.0.0.0/8'::cidr, '2026-01-01'::date,
                   '10.0.0.1/8'::inet, '08:00:2b:01:02:03'::macaddr,
                   '08:00:2b:01:02:03:04:05'::macaddr8, 'a'::name, '7'::oid, '(1,2)'::tid,
                   '00000000-0000-0000-0000-000000000001'::uuid, '9'::xid, NULL::bytea
               ),
               4294967299
           ),
           numeric_send(-1.50),
           float8send('-0'),
           jsonb_send('{{"b": [1.0, null], "a": "x"}}'),
           timestamptz_send('2026-01-01 00:00:00.000001+00'),
           interval_send('1 mon 2 days 3 secs'),
           array_send('[0:1]={{1.0,NULL}}'::numeric[]),
           range_send('[1.0,2)'::numrange),
           tsvectorsend('a:1A b')
       ) AS probe
