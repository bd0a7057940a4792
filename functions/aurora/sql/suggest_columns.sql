-- The columns of tables: their types, those of their domains where they have such; whether the
-- default is the time of writing, an index leads with them, they are the whole primary key, or a
-- foreign key has them; and which share of them is null, as far as the role may see statistics.
-- The default is read as it is stored: to have it as text would wait for tables that are locked.
SELECT a.attrelid::bigint AS oid,
       a.attname AS name,
       quote_ident(a.attname) AS quoted,
       format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL) AS type,
       coalesce(
           d.adbin::text ~ concat_ws(
               '|',
               'SQLVALUEFUNCTION',
               ':funcid ' || 'now()'::regprocedure::oid || ' ',
               ':funcid ' || 'transaction_timestamp()'::regprocedure::oid || ' ',
               ':funcid ' || 'statement_timestamp()'::regprocedure::oid || ' ',
               ':funcid ' || 'clock_timestamp()'::regprocedure::oid || ' '
           ),
           false
       ) AS stamped,
       EXISTS (
           SELECT FROM pg_index AS i
           JOIN pg_class AS x ON x.oid = i.indexrelid
           JOIN pg_am AS m ON m.oid = x.relam
           WHERE i.indrelid = a.attrelid AND i.indkey[0] = a.attnum AND i.indisvalid
             AND i.indpred IS NULL AND m.amname = 'btree'
       ) AS indexed,
       EXISTS (
           SELECT FROM pg_index AS i
           WHERE i.indrelid = a.attrelid AND i.indisprimary AND i.indnkeyatts = 1
             AND i.indkey[0] = a.attnum
       ) AS is_key,
       EXISTS (
           SELECT FROM pg_constraint AS k
           WHERE k.conrelid = a.attrelid AND k.contype = 'f' AND a.attnum = ANY (k.conkey)
       ) AS refers,
       coalesce(
           (
               SELECT max(s.null_frac)
               FROM pg_stats AS s
               WHERE s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
           ),
           0
       )::float8 AS null_share
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = ANY (%(oids)s::oid[])
  AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
ORDER BY a.attrelid, a.attnum
