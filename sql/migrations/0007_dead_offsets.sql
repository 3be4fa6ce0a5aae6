-- Which messages of a range could not be read when it was recorded, so that it is repeated as it was by
-- a worker that knows a later version of the wire.

ALTER TABLE offset_ranges
    ADD COLUMN IF NOT EXISTS dead_offsets Array(UInt64) AFTER last_offset;
