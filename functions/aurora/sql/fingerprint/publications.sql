-- The publications, and what is in them. Conditions on rows by digest.
SELECT p.pubname AS name,
       concat_ws(
           ' ',
           CASE WHEN p.puballtables THEN 'all tables' END,
           CASE WHEN p.pubinsert THEN 'insert' END,
           CASE WHEN p.pubupdate THEN 'update' END,
           CASE WHEN p.pubdelete THEN 'delete' END,
           CASE WHEN p.pubtruncate THEN 'truncate' END,
           CASE WHEN p.pubviaroot THEN 'via root' END,
           'generated ' || (to_jsonb(p) ->> 'pubgencols'),
           'owner ' || pg_get_userbyid(p.pubowner)
       ) AS line,
       '' AS code,
       p.xmin::text AS version,
       '' AS parent
FROM pg_publication AS p
UNION ALL
SELECT p.pubname || ' of ' || n.nspname || '.' || c.relname,
       concat_ws(
           ' ',
           'columns ' || (to_jsonb(r) ->> 'prattrs'),
           'where #' || left(
               encode(sha256(convert_to(to_jsonb(r) ->> 'prqual', 'UTF8')), 'hex'), 16
           ),
           'published'
       ),
       '',
       r.xmin::text,
       'publications ' || p.pubname
FROM pg_publication_rel AS r
JOIN pg_publication AS p ON p.oid = r.prpubid
JOIN pg_class AS c ON c.oid = r.prrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
