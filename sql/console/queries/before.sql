SELECT groupUniqArray(cityHash64(client, server)) AS pairs
FROM ($pairs)
