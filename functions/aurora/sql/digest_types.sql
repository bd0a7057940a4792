-- Types, and all that they are made of. A true array is the one that its element names as its array;
-- raw_text: what is stored is a text, byte by byte, as a cast without a function shows.
WITH RECURSIVE reached AS (
    SELECT unnest(%(types)s::oid[]) AS oid
    UNION
    SELECT inner_type.oid
    FROM reached
    JOIN pg_type AS t ON t.oid = reached.oid
    CROSS JOIN LATERAL (
        SELECT e.oid FROM pg_type AS e WHERE e.oid = t.typelem AND e.typarray = t.oid
        UNION ALL
        SELECT t.typbasetype WHERE t.typtype = 'd'
        UNION ALL
        SELECT r.rngsubtype FROM pg_range AS r WHERE t.oid IN (r.rngtypid, r.rngmultitypid)
        UNION ALL
        SELECT a.atttypid
        FROM pg_attribute AS a
        WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    ) AS inner_type (oid)
)
SELECT t.oid::bigint AS oid,
       t.typname AS name,
       coalesce(
           (
               SELECT x.extname
               FROM pg_depend AS d
               JOIN pg_extension AS x ON x.oid = d.refobjid
               WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
                 AND d.refclassid = 'pg_extension'::regclass
           ),
           ''
       ) AS extension,
       CASE
           WHEN e.oid IS NOT NULL THEN 'array'
           ELSE (ARRAY['base', 'enum', 'domain', 'composite', 'range', 'multirange'])[
               array_position(ARRAY['b', 'e', 'd', 'c', 'r', 'm'], t.typtype::text)
           ]
       END AS kind,
       coalesce(e.oid, nullif(t.typbasetype, 0), r.rngsubtype, 0)::bigint AS of,
       ARRAY(
           SELECT a.attname::text
           FROM pg_attribute AS a
           WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0
             AND NOT a.attisdropped
           ORDER BY a.attnum
       ) AS field_names,
       ARRAY(
           SELECT a.atttypid::bigint
           FROM pg_attribute AS a
           WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0
             AND NOT a.attisdropped
           ORDER BY a.attnum
       ) AS field_types,
       ARRAY(SELECT g.oid::bigint FROM pg_enum AS g WHERE g.enumtypid = t.oid ORDER BY g.oid)
           AS label_oids,
       ARRAY(SELECT g.enumlabel::text FROM pg_enum AS g WHERE g.enumtypid = t.oid ORDER BY g.oid)
           AS labels,
       coalesce(quote_ident(ns.nspname) || '.' || quote_ident(s.proname), '') AS send,
       quote_ident(no.nspname) || '.' || quote_ident(o.proname) AS output,
       t.oid = 'text'::regtype OR EXISTS (
           SELECT FROM pg_cast AS k
           WHERE k.castsource = t.oid AND k.casttarget = 'text'::regtype AND k.castmethod = 'b'
       ) AS raw_text
FROM reached
JOIN pg_type AS t ON t.oid = reached.oid
LEFT JOIN pg_type AS e ON e.oid = t.typelem AND e.typarray = t.oid
LEFT JOIN pg_range AS r ON t.oid IN (r.rngtypid, r.rngmultitypid)
LEFT JOIN pg_proc AS s ON s.oid = t.typsend
LEFT JOIN pg_namespace AS ns ON ns.oid = s.pronamespace
JOIN pg_proc AS o ON o.oid = t.typoutput
JOIN pg_namespace AS no ON no.oid = o.pronamespace
