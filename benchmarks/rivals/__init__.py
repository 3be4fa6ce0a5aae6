"""The same work as it is written row by row: what the columnar stream is measured against."""
