-- The constraints of tables and domains, whether they are validated, and whether the triggers that
-- enforce keys are on. That a column is not null is the column's to say, unless rows may contradict.
SELECT coalesce(n.nspname || '.' || c.relname, tn.nspname || '.' || t.typname) || '.' || k.conname
           AS name,
       concat_ws(
           ' ',
           CASE WHEN g.off THEN 'not enforced: its triggers are off' END,
           CASE WHEN NOT k.convalidated THEN 'not validated' END,
           '#' || left(
               encode(
                   sha256(
                       convert_to(
                           (to_jsonb(k) - 'coninhcount' - 'conislocal' - 'conparentid')::text,
                           'UTF8'
                       )
                   ),
                   'hex'
               ),
               8
           )
       ) AS line,
       '' AS code,
       CASE WHEN %(legible)s THEN pg_get_constraintdef(k.oid) END AS legible,
       concat_ws(' ', k.xmin::text, g.version) AS version,
       coalesce(
           'tables ' || n.nspname || '.' || c.relname, 'types ' || tn.nspname || '.' || t.typname
       ) AS parent
FROM pg_constraint AS k
LEFT JOIN pg_class AS c ON c.oid = k.conrelid
LEFT JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_type AS t ON t.oid = k.contypid
LEFT JOIN pg_namespace AS tn ON tn.oid = t.typnamespace
LEFT JOIN LATERAL (
    SELECT bool_or(i.tgenabled <> 'O') AS off, sum(i.xmin::text::bigint) AS version
    FROM pg_trigger AS i
    WHERE i.tgconstraint = k.oid AND i.tgisinternal
) AS g ON true
WHERE coalesce(n.nspname, tn.nspname) !~ '^pg_'
    AND coalesce(n.nspname, tn.nspname) <> 'information_schema'
    AND (k.contype <> 'n' OR NOT k.convalidated)
    AND k.contype <> 't'
    AND NOT EXISTS (
        SELECT FROM pg_constraint AS p WHERE p.oid = k.conparentid AND p.conrelid = k.conrelid
    )
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.deptype = 'e'
            AND (e.classid, e.objid) IN (
                ('pg_class'::regclass, c.oid), ('pg_type'::regclass, t.oid)
            )
    )
