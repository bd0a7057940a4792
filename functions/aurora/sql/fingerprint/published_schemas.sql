-- The schemas that are in publications as a whole: PostgreSQL 15 and later.
SELECT p.pubname || ' of schema ' || n.nspname AS name,
       'published' AS line,
       '' AS code,
       s.xmin::text AS version,
       'publications ' || p.pubname AS parent
FROM pg_publication_namespace AS s
JOIN pg_publication AS p ON p.oid = s.pnpubid
JOIN pg_namespace AS n ON n.oid = s.pnnspid
