-- The databases of the cluster: how they are encoded and sorted, who owns them.
SELECT d.datname AS name,
       concat_ws(
           ' ',
           pg_encoding_to_char(d.encoding),
           'collate ' || (to_jsonb(d) ->> 'datcollate'),
           'ctype ' || (to_jsonb(d) ->> 'datctype'),
           'provider ' || (to_jsonb(d) ->> 'datlocprovider'),
           'locale ' || coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'),
           CASE WHEN NOT d.datallowconn THEN 'no connections' END,
           CASE WHEN d.datconnlimit <> -1 THEN 'connection limit ' || d.datconnlimit END,
           CASE WHEN d.datistemplate THEN 'template' END,
           'owner ' || pg_get_userbyid(d.datdba)
       ) AS line,
       '' AS code,
       d.xmin::text AS version,
       '' AS parent
FROM pg_database AS d
WHERE d.datname NOT IN ('template0', 'rdsadmin')
