"""The live service map: a web page over ClickHouse, and the JSON that it reads."""
