-- Which table a name means now, and in which file it is: past the snapshot, by the catalog's cache.
SELECT to_regclass(format('%%I.%%I', %(schema)s::text, %(name)s::text))::oid::bigint AS oid,
       pg_relation_filenode(to_regclass(format('%%I.%%I', %(schema)s::text, %(name)s::text)))::bigint
           AS filenode
