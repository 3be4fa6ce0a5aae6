"""The bridge: traffic by workload pair, from ClickHouse to Prometheus."""
