"""The fault matrix: whatever dies, whenever, the tables end as what was produced says."""
