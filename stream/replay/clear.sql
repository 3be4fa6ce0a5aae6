-- Lightweight, so parts that hold anything else are not written anew. The table is not the live one.
DELETE FROM {table:Identifier}
WHERE cluster = {cluster:String} AND window >= {begin:DateTime('UTC')} AND window < {end:DateTime('UTC')}
