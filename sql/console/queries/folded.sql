(
    WITH
        (SELECT groupArray((client, server, bytes)) FROM ($pairs)) AS every_pair, -- a scalar, so read once
        drawn_pairs AS (
            SELECT pair.1, pair.2
            FROM (SELECT arrayJoin(every_pair) AS pair)
            ORDER BY pair.3 DESC, pair.1, pair.2
            LIMIT {edges:UInt32}
        ),
        drawn_ends AS (
            SELECT end
            FROM (SELECT arrayJoin(every_pair) AS pair)
            ARRAY JOIN arrayDistinct([pair.1, pair.2]) AS end
            GROUP BY end
            ORDER BY sum(pair.3) DESC, end
            LIMIT {nodes:UInt32}
        ),
        end -> concat('others:', extract(end, '^(?:workload|pod|service):(.*)/')) AS others
    SELECT
        if(is_drawn AND every.client IN drawn_ends, every.client, others(every.client)) AS client,
        if(is_drawn AND every.server IN drawn_ends, every.server, others(every.server)) AS server,
        (every.client, every.server) IN drawn_pairs AS is_drawn,
        every.* EXCEPT (client, server)
    FROM $summed AS every
)
