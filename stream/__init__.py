"""The stream processor: Kafka flows in, resolved window rows out to ClickHouse."""
