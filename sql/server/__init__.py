"""The embedded ClickHouse: chDB, the same engine in-process, behind ClickHouse's HTTP interface."""
