-- Enumerations with their labels, domains, composite types, ranges and base types. Arrays come with
-- the type of their elements.
SELECT n.nspname || '.' || t.typname AS name,
       concat_ws(
           ' ',
           CASE t.typtype
               WHEN 'e' THEN 'enum: ' || coalesce(
                   (
                       SELECT string_agg(quote_literal(l.enumlabel), ', ' ORDER BY l.enumsortorder)
                       FROM pg_enum AS l
                       WHERE l.enumtypid = t.oid
                   ),
                   'empty'
               )
               WHEN 'd' THEN concat_ws(
                   ' ',
                   'domain over',
                   format_type(t.typbasetype, t.typtypmod),
                   CASE WHEN t.typnotnull THEN 'not null' END,
                   'collation ' || nullif(t.typcollation, b.typcollation)::regcollation::text
               )
               WHEN 'c' THEN 'composite: ' || coalesce(
                   (
                       SELECT string_agg(
                           quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod),
                           ', ' ORDER BY a.attnum
                       )
                       FROM pg_attribute AS a
                       WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
                   ),
                   'empty'
               )
               WHEN 'r' THEN concat_ws(
                   ' ',
                   'range over',
                   format_type(g.rngsubtype, NULL),
                   'collation ' || nullif(g.rngcollation, 0)::regcollation::text,
                   'canonical ' || nullif(g.rngcanonical::oid, 0)::regproc::text,
                   'difference ' || nullif(g.rngsubdiff::oid, 0)::regproc::text,
                   'multirange ' || (
                       SELECT m.typname FROM pg_type AS m WHERE m.oid = g.rngmultitypid
                   ),
                   'operator class ' || (
                       SELECT o.opcname FROM pg_opclass AS o WHERE o.oid = g.rngsubopc
                   )
               )
               ELSE concat_ws(
                   ' ',
                   CASE WHEN t.typisdefined THEN 'base type' ELSE 'shell type' END,
                   'length ' || t.typlen,
                   'align ' || t.typalign::text,
                   'storage ' || t.typstorage::text,
                   'input ' || t.typinput::text,
                   'output ' || t.typoutput::text,
                   'receive ' || nullif(t.typreceive::oid, 0)::regproc::text,
                   'send ' || nullif(t.typsend::oid, 0)::regproc::text
               )
           END,
           'owner ' || pg_get_userbyid(t.typowner)
       ) AS line,
       coalesce('default ' || t.typdefault, '') AS code,
       concat_ws(
           ' ',
           t.xmin::text,
           (SELECT sum(l.xmin::text::bigint) FROM pg_enum AS l WHERE l.enumtypid = t.oid),
           (SELECT sum(a.xmin::text::bigint) FROM pg_attribute AS a WHERE a.attrelid = t.typrelid)
       ) AS version,
       '' AS parent
FROM pg_type AS t
JOIN pg_namespace AS n ON n.oid = t.typnamespace
LEFT JOIN pg_type AS b ON b.oid = t.typbasetype
LEFT JOIN pg_range AS g ON g.rngtypid = t.oid
LEFT JOIN pg_class AS c ON c.oid = t.typrelid
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND t.typtype <> 'm' AND (c.oid IS NULL OR c.relkind = 'c')
    AND NOT (t.typtype = 'b' AND t.typcategory = 'A')
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid AND e.deptype = 'e'
    )
