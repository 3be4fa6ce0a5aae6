(cluster, node, toStartOfHour(window)) NOT IN (
                SELECT cluster, node, hour FROM agents
                WHERE hour >= toStartOfHour({since:DateTime}) AND hour < {until:DateTime}
            )
