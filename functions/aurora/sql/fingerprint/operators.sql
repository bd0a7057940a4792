-- Operators, and the classes and families by which indexes use them.
SELECT concat_ws(
           ' ',
           'operator ' || n.nspname || '.' || o.oprname,
           '(' || concat_ws(
               ', ',
               coalesce(format_type(nullif(o.oprleft, 0), NULL), 'none'),
               coalesce(format_type(nullif(o.oprright, 0), NULL), 'none')
           ) || ')'
       ) AS name,
       concat_ws(
           ' ',
           'returns ' || format_type(o.oprresult, NULL),
           'by ' || o.oprcode::oid::regprocedure::text,
           'commutator ' || nullif(o.oprcom, 0)::regoperator::text,
           'negator ' || nullif(o.oprnegate, 0)::regoperator::text,
           'restrict ' || nullif(o.oprrest::oid, 0)::regproc::text,
           'join ' || nullif(o.oprjoin::oid, 0)::regproc::text,
           CASE WHEN o.oprcanmerge THEN 'merges' END,
           CASE WHEN o.oprcanhash THEN 'hashes' END,
           'owner ' || pg_get_userbyid(o.oprowner)
       ) AS line,
       '' AS code,
       o.xmin::text AS version,
       '' AS parent
FROM pg_operator AS o
JOIN pg_namespace AS n ON n.oid = o.oprnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_operator'::regclass AND e.objid = o.oid AND e.deptype = 'e'
    )
UNION ALL
SELECT concat_ws(' ', 'class', n.nspname || '.' || c.opcname, 'using ' || a.amname),
       concat_ws(
           ' ',
           'for ' || format_type(c.opcintype, NULL),
           'family ' || f.opfname,
           CASE WHEN c.opcdefault THEN 'default' END,
           'storage ' || format_type(nullif(c.opckeytype, 0), NULL),
           'owner ' || pg_get_userbyid(c.opcowner)
       ),
       '',
       c.xmin::text,
       ''
FROM pg_opclass AS c
JOIN pg_opfamily AS f ON f.oid = c.opcfamily
JOIN pg_namespace AS n ON n.oid = c.opcnamespace
JOIN pg_am AS a ON a.oid = c.opcmethod
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_opclass'::regclass AND e.objid = c.oid AND e.deptype = 'e'
    )
UNION ALL
SELECT concat_ws(' ', 'family', n.nspname || '.' || f.opfname, 'using ' || a.amname),
       concat_ws(
           ' ',
           (
               SELECT string_agg(
                   concat_ws(' ', o.amopstrategy, o.amopopr::regoperator::text), ', '
                   ORDER BY o.amopstrategy, o.amoplefttype, o.amoprighttype
               )
               FROM pg_amop AS o
               WHERE o.amopfamily = f.oid
           ),
           (
               SELECT string_agg(
                   concat_ws(' ', 'function', p.amprocnum, p.amproc::oid::regprocedure::text), ', '
                   ORDER BY p.amprocnum, p.amproclefttype, p.amprocrighttype
               )
               FROM pg_amproc AS p
               WHERE p.amprocfamily = f.oid
           ),
           'owner ' || pg_get_userbyid(f.opfowner)
       ),
       '',
       f.xmin::text,
       ''
FROM pg_opfamily AS f
JOIN pg_namespace AS n ON n.oid = f.opfnamespace
JOIN pg_am AS a ON a.oid = f.opfmethod
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_opfamily'::regclass AND e.objid = f.oid AND e.deptype = 'e'
    )
