SELECT toUnixTimestamp(min(hour)) AS began, count() AS hours FROM agents
