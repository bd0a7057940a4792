-- Collations and conversions that are not the system's.
SELECT 'collation ' || n.nspname || '.' || c.collname AS name,
       concat_ws(
           ' ',
           'provider ' || c.collprovider::text,
           'collate ' || (to_jsonb(c) ->> 'collcollate'),
           'ctype ' || (to_jsonb(c) ->> 'collctype'),
           'locale ' || coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale'),
           CASE WHEN NOT c.collisdeterministic THEN 'not deterministic' END,
           'rules #' || left(
               encode(sha256(convert_to(to_jsonb(c) ->> 'collicurules', 'UTF8')), 'hex'), 16
           ),
           'encoding ' || nullif(c.collencoding, -1),
           'owner ' || pg_get_userbyid(c.collowner)
       ) AS line,
       '' AS code,
       c.xmin::text AS version,
       '' AS parent
FROM pg_collation AS c
JOIN pg_namespace AS n ON n.oid = c.collnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_collation'::regclass AND e.objid = c.oid AND e.deptype = 'e'
    )
UNION ALL
SELECT 'conversion ' || n.nspname || '.' || v.conname,
       concat_ws(
           ' ',
           pg_encoding_to_char(v.conforencoding),
           'to ' || pg_encoding_to_char(v.contoencoding),
           'by ' || v.conproc::text,
           CASE WHEN v.condefault THEN 'default' END,
           'owner ' || pg_get_userbyid(v.conowner)
       ),
       '',
       v.xmin::text,
       ''
FROM pg_conversion AS v
JOIN pg_namespace AS n ON n.oid = v.connamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_conversion'::regclass AND e.objid = v.oid AND e.deptype = 'e'
    )
