// What an application does with the client; prints what came back as JSON.
import { createClient } from "@clickhouse/client";

const [url, username, password] = process.argv.slice(2);
const client = createClient({ url, username, password, compression: { request: true, response: true } });
const told = {};

told.ping = (await client.ping()).success;
await client.command({ query: "CREATE DATABASE IF NOT EXISTS js" });
await client.command({ query: "CREATE OR REPLACE TABLE js.t (id UInt64, name String) ORDER BY id" });
const values = [{ id: "18446744073709551615", name: "it's \\ a\n\té" }, { id: "2", name: "" }];
await client.insert({ table: "js.t", values, format: "JSONEachRow" });
const rows = await client.query({
  query: "SELECT * FROM js.t WHERE id >= {least: UInt64} ORDER BY id",
  query_params: { least: "1" },
  format: "JSONEachRow",
  clickhouse_settings: { output_format_json_quote_64bit_integers: 1 },
});
told.rows = await rows.json();

const stream = await client.query({ query: "SELECT number FROM numbers(300000)", format: "CSV" });
told.streamed = 0;
for await (const batch of stream.stream()) told.streamed += batch.length;

try {
  await client.query({ query: "SELECT * FROM js.nowhere" });
} catch (error) {
  told.error = { code: error.code, type: error.type };
}

const leaving = new AbortController();
setTimeout(() => leaving.abort(), 300);
try {
  const query = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 3";
  await client.query({ query, abort_signal: leaving.signal });
} catch (error) {
  told.aborted = error.message;
}
await client.close();
console.log(JSON.stringify(told));
