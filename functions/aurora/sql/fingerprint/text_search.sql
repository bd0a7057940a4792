-- Text search: configurations with their mappings, dictionaries, parsers and templates.
SELECT 'configuration ' || n.nspname || '.' || c.cfgname AS name,
       concat_ws(
           ' ',
           'parser ' || p.prsname,
           (
               SELECT string_agg(
                   concat_ws(' ', m.maptokentype, m.mapseqno, d.dictname), ', '
                   ORDER BY m.maptokentype, m.mapseqno
               )
               FROM pg_ts_config_map AS m
               JOIN pg_ts_dict AS d ON d.oid = m.mapdict
               WHERE m.mapcfg = c.oid
           ),
           'owner ' || pg_get_userbyid(c.cfgowner)
       ) AS line,
       '' AS code,
       concat_ws(
           ' ',
           c.xmin::text,
           (SELECT sum(m.xmin::text::bigint) FROM pg_ts_config_map AS m WHERE m.mapcfg = c.oid)
       ) AS version,
       '' AS parent
FROM pg_ts_config AS c
JOIN pg_namespace AS n ON n.oid = c.cfgnamespace
JOIN pg_ts_parser AS p ON p.oid = c.cfgparser
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_ts_config'::regclass AND e.objid = c.oid AND e.deptype = 'e'
    )
UNION ALL
SELECT 'dictionary ' || n.nspname || '.' || d.dictname,
       concat_ws(
           ' ',
           'template ' || t.tmplname,
           'options #' || left(encode(sha256(convert_to(d.dictinitoption, 'UTF8')), 'hex'), 16),
           'owner ' || pg_get_userbyid(d.dictowner)
       ),
       '',
       d.xmin::text,
       ''
FROM pg_ts_dict AS d
JOIN pg_namespace AS n ON n.oid = d.dictnamespace
JOIN pg_ts_template AS t ON t.oid = d.dicttemplate
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_ts_dict'::regclass AND e.objid = d.oid AND e.deptype = 'e'
    )
UNION ALL
SELECT 'parser ' || n.nspname || '.' || p.prsname,
       concat_ws(' ', p.prsstart::text, p.prstoken::text, p.prsend::text, p.prslextype::text),
       '',
       p.xmin::text,
       ''
FROM pg_ts_parser AS p
JOIN pg_namespace AS n ON n.oid = p.prsnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_ts_parser'::regclass AND e.objid = p.oid AND e.deptype = 'e'
    )
UNION ALL
SELECT 'template ' || n.nspname || '.' || t.tmplname,
       concat_ws(' ', t.tmplinit::text, t.tmpllexize::text),
       '',
       t.xmin::text,
       ''
FROM pg_ts_template AS t
JOIN pg_namespace AS n ON n.oid = t.tmplnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE e.classid = 'pg_ts_template'::regclass AND e.objid = t.oid AND e.deptype = 'e'
    )
