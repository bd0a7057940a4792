-- Functions, procedures and aggregates. A body may hold a password: a digest of it, and its length.
SELECT n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')'
           AS name,
       concat_ws(
           ' ',
           CASE p.prokind
               WHEN 'a' THEN 'aggregate' WHEN 'p' THEN 'procedure' WHEN 'w' THEN 'window function'
               ELSE 'function'
           END,
           'returns ' || pg_get_function_result(p.oid),
           'language ' || l.lanname,
           CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
           CASE WHEN p.proisstrict THEN 'strict' END,
           CASE WHEN p.prosecdef THEN 'security definer' END,
           CASE WHEN p.proleakproof THEN 'leakproof' END,
           'parallel ' || CASE p.proparallel
               WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe'
           END,
           'cost ' || p.procost,
           'rows ' || nullif(p.prorows, 0),
           'support ' || nullif(p.prosupport::oid, 0)::regproc::text,
           'set ' || (
               SELECT string_agg(
                   CASE
                       WHEN split_part(g.entry, '=', 1) LIKE '%%.%%'
                       THEN split_part(g.entry, '=', 1) || '=#'
                           || left(encode(sha256(convert_to(g.entry, 'UTF8')), 'hex'), 16)
                       ELSE g.entry
                   END, ', ' ORDER BY g.entry
               )
               FROM unnest(p.proconfig) AS g (entry)
           ),
           'owner ' || pg_get_userbyid(p.proowner),
           CASE
               WHEN p.prokind = 'a'
               THEN 'steps ' || concat_ws(
                   ' ',
                   nullif(a.aggtransfn::oid, 0)::regproc::text,
                   nullif(a.aggfinalfn::oid, 0)::regproc::text,
                   nullif(a.aggcombinefn::oid, 0)::regproc::text,
                   format_type(nullif(a.aggtranstype, 0), NULL),
                   'from #' || left(encode(sha256(convert_to(a.agginitval, 'UTF8')), 'hex'), 16)
               )
           END,
           length(p.prosrc) || ' characters',
           '#' || left(
               encode(
                   sha256(
                       convert_to(
                           concat_ws(' ', p.prosrc, p.probin, p.prosqlbody::text), 'UTF8'
                       )
                   ),
                   'hex'
               ),
               16
           )
       ) AS line,
       coalesce('(' || nullif(pg_get_function_arguments(p.oid), '') || ')', '') AS code,
       concat_ws(' ', p.xmin::text, a.xmin::text) AS version,
       '' AS parent
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
JOIN pg_language AS l ON l.oid = p.prolang
LEFT JOIN pg_aggregate AS a ON a.aggfnoid = p.oid
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype IN ('e', 'i')
    )
