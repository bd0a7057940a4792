-- What is wrong in some blocks of a file with rows; its messages name no row's content.
SELECT v.blkno AS block, v.offnum AS item, v.msg AS message
FROM {amcheck}.verify_heapam(
    relation => %(oid)s::oid::regclass,
    on_error_stop => false,
    check_toast => true,
    skip => 'none',
    startblock => %(start)s::bigint,
    endblock => %(last)s::bigint
) AS v
LIMIT %(most)s
