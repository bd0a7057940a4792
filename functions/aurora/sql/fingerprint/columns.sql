-- The columns of tables and views: their number, type, default, identity and how they are stored.
-- The identity of a partition's column is its table's, and goes with it.
SELECT n.nspname || '.' || c.relname || '.' || a.attname AS name,
       concat_ws(
           ' ',
           'number ' || a.attnum,
           format_type(a.atttypid, a.atttypmod),
           'collation ' || nullif(a.attcollation, t.typcollation)::regcollation::text,
           CASE WHEN a.attnotnull THEN 'not null' END,
           CASE
               WHEN c.relispartition THEN NULL
               WHEN a.attidentity = 'a' THEN 'identity always'
               WHEN a.attidentity = 'd' THEN 'identity by default'
           END,
           'storage ' || nullif(a.attstorage::text, t.typstorage::text),
           'compression ' || nullif(a.attcompression::text, ''),
           'statistics ' || nullif(a.attstattarget, -1),
           'with ' || array_to_string(a.attoptions, ', '),
           'options #' || left(
               encode(sha256(convert_to(array_to_string(a.attfdwoptions, ' '), 'UTF8')), 'hex'), 16
           ),
           CASE a.attgenerated
               WHEN 's' THEN 'generated stored #' WHEN 'v' THEN 'generated virtual #'
               ELSE 'default #'
           END || left(encode(sha256(convert_to(d.adbin::text, 'UTF8')), 'hex'), 8)
       ) AS line,
       '' AS code,
       CASE WHEN %(legible)s THEN pg_get_expr(d.adbin, d.adrelid) END AS legible,
       concat_ws(' ', a.xmin::text, d.xmin::text) AS version,
       CASE WHEN c.relkind IN ('v', 'm') THEN 'views ' ELSE 'tables ' END
           || n.nspname || '.' || c.relname AS parent
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
    )
