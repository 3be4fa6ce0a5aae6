-- Of what is unclaimed, the minutes of hours whose minutes are gone.
DELETE FROM {table:Identifier}
WHERE cluster = {cluster:String} AND seconds = 60
    AND window >= {begin:DateTime('UTC')} AND window < {end:DateTime('UTC')}
