-- When the message was sent that a batch in the tables came with, in Unix milliseconds.
SELECT toUnixTimestamp64Milli(time)
FROM agent_ledger
WHERE cluster = {cluster:String} AND node = {node:String} AND agent = {agent:String}
    AND sequence = {sequence:UInt64}
LIMIT 1
