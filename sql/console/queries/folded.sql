(
    WITH
        pairs AS ($pairs),
        drawn_pairs AS (
            SELECT client, server FROM pairs ORDER BY bytes DESC, client, server LIMIT {edges:UInt32}
        ),
        drawn_ends AS (
            SELECT end
            FROM pairs
            ARRAY JOIN arrayDistinct([client, server]) AS end
            GROUP BY end
            ORDER BY sum(bytes) DESC, end
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
