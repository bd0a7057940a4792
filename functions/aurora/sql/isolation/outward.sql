-- What could reach out: foreign servers, extensions, and triggers that call the latter. A trigger at
-- login fires by itself.
WITH reaches AS (
    SELECT p.oid
    FROM pg_proc AS p
    JOIN pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname !~ '^pg_'
        AND p.prosrc ~* '(dblink|aws_lambda|lambda_invoke|aws_s3|query_export_to_s3|net\.http|http_)'
)
SELECT 'foreign server' AS kind, f.srvname AS name, false AS runs
FROM pg_foreign_server AS f
UNION ALL
SELECT 'extension', e.extname, false
FROM pg_extension AS e
WHERE e.extname = ANY (%(names)s)
UNION ALL
SELECT 'trigger', t.tgrelid::regclass::text || '.' || t.tgname, false
FROM pg_trigger AS t
JOIN reaches AS r ON r.oid = t.tgfoid
WHERE NOT t.tgisinternal AND t.tgenabled <> 'D'
UNION ALL
SELECT 'event trigger', t.evtname, t.evtevent = 'login'
FROM pg_event_trigger AS t
JOIN reaches AS r ON r.oid = t.evtfoid
WHERE t.evtenabled <> 'D'
ORDER BY 1, 2
