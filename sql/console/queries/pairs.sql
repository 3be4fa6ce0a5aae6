SELECT client, server, sum(seen.bytes) AS bytes
FROM
(
    WITH $id AS id
    SELECT
        id(c.8, c.1, c.2, c.3, c.4, c.5, c.6, c.7) AS client,
        id(s.8, s.1, s.2, s.3, s.4, s.5, s.6, s.7) AS server,
        bytes
    FROM
    (
        SELECT
            $told,
            sum(bytes_to_server + bytes_to_client) AS bytes
        FROM $rows
        WHERE $scope
        GROUP BY $key
    )
) AS seen
GROUP BY client, server
