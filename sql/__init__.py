"""The store: ClickHouse schema, queries, embedded server, and the Prometheus bridge."""
