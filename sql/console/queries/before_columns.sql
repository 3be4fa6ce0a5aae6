$raw
