// What of the map needs no browser: run by tests/browser/test_units.py.
import assert from "node:assert/strict";
import { test } from "node:test";
import { around } from "../../../sql/console/web/src/map/around";
import { fold } from "../../../sql/console/web/src/map/fold";
import { shortName } from "../../../sql/console/web/src/map/kinds";
import { marked } from "../../../sql/console/web/src/map/marks";
import { arrange, CELL, placeNew } from "../../../sql/console/web/src/map/place";
import { bands, SCALES, tone, width } from "../../../sql/console/web/src/map/scale";
import { scene } from "../../../sql/console/web/src/map/scene";
import { endName } from "../../../sql/console/web/src/parts/names";
import { overview, stepped } from "../../../sql/console/web/src/map/window";
import type { MapAnswer, MapEdge } from "../../../sql/console/web/src/types";
import made from "made-up-answer";

const answer = made as unknown as MapAnswer;
const sum = (edges: MapEdge[], name: "bytes_to_server" | "cost_usd_month" | "retransmitted_segments") =>
  edges.reduce((total, edge) => total + edge[name], 0);

test("what is folded keeps all sums, and stays within the limits", () => {
  for (const [nodes, edges] of [[40, 8000], [1200, 300], [5, 8000]] as const) {
    const folded = fold(answer, nodes, edges);
    assert.ok(folded.edges.length <= edges);
    assert.ok(folded.nodes.length <= Math.max(nodes, 16), `${folded.nodes.length} nodes`);
    for (const name of ["bytes_to_server", "retransmitted_segments"] as const) assert.equal(sum(folded.edges, name), sum(answer.edges, name));
    assert.ok(Math.abs(sum(folded.edges, "cost_usd_month") / sum(answer.edges, "cost_usd_month") - 1) < 1e-9);
    const sent = (of: MapAnswer) => of.nodes.reduce((total, node) => total + node.bytes_sent, 0);
    assert.equal(sent(folded), sent(answer));
    assert.equal(folded.nodes.reduce((total, node) => total + node.folded, 0), answer.nodes.length);
    assert.match(folded.folded!.sentence, /drawn together as "others"/);
    const there = new Set(folded.nodes.map((node) => node.id));
    assert.ok(folded.edges.every((edge) => there.has(edge.client) && there.has(edge.server)));
  }
});

test("what fits is left alone", () => assert.equal(fold(answer), answer));

test("rates of edges put together are those of their segments", () => {
  const [a, b] = answer.edges as [MapEdge, MapEdge];
  const pair = (edge: MapEdge, again: number, segments: number) => ({ ...edge, retransmitted_segments: again, retransmit_rate: again / segments, packets_to_server: segments, packets_to_client: 0 });
  const nodes = [["big", 9e9], ["x", 1], ["y", 1]].map(([name, size]) => ({ ...answer.nodes[0]!, id: `workload:s/${name}`, namespace: "s", bytes_sent: size as number, bytes_received: 0 }));
  const two = { ...answer, nodes, edges: [{ ...pair(a, 1, 100), client: "workload:s/x", server: "workload:s/big" }, { ...pair(b, 9, 300), client: "workload:s/y", server: "workload:s/big" }] };
  const [edge] = fold(two, 2).edges;
  assert.ok(Math.abs(edge!.retransmit_rate! - 10 / 400) < 1e-12);
  assert.equal(edge!.rtt_p95, null);
});

test("a first arrangement gives each end a place of its own, the same each time", () => {
  const places = arrange(answer, "namespace");
  assert.equal(places.size, answer.nodes.length);
  const spots = [...places.values()];
  for (const [at, a] of spots.entries()) {
    for (const b of spots.slice(at + 1)) assert.ok(Math.abs(a.x - b.x) >= CELL.x / 2 - 1 || Math.abs(a.y - b.y) >= CELL.y - 1);
  }
  assert.deepEqual(arrange(structuredClone(answer), "namespace"), places);
});

test("new ends come near those of their box, and nothing else is placed", () => {
  const known = arrange(answer, "namespace");
  const fresh = { ...answer.nodes[0]!, id: "workload:shop/fresh", namespace: "shop" };
  const placed = placeNew({ ...answer, nodes: [...answer.nodes, fresh] }, "namespace", known);
  assert.deepEqual([...placed.keys()], [fresh.id]);
  const mates = answer.nodes.filter((node) => node.namespace === "shop").map((node) => known.get(node.id)!);
  const spot = placed.get(fresh.id)!;
  const nearest = Math.min(...mates.map((one) => Math.hypot(one.x - spot.x, one.y - spot.y)));
  assert.ok(nearest > 20 && nearest < 4 * CELL.x, `${nearest} from the nearest of its namespace`);
});

test("what stays keeps its birth, what comes is born now", () => {
  const places = arrange(answer, "");
  const before = scene({ ...answer, edges: answer.edges.slice(1) }, "", "health", places, null, 0);
  const after = scene(answer, "", "health", places, before, 500);
  const born = after.edges.filter((edge) => edge.born > 0).map((edge) => edge.id);
  assert.deepEqual(born, [`${answer.edges[0]!.client}|${answer.edges[0]!.server}`]);
});

test("width grows with the logarithm of throughput, within its bounds", () => {
  assert.equal(width(0), 1);
  assert.equal(width(100), 1);
  assert.equal(width(1e12), 9);
  assert.ok(width(1e4) < width(1e6) && width(1e6) < width(1e8));
});

test("tones go by the thresholds that the legend tells", () => {
  const edge = (change: Partial<MapEdge>): MapEdge => ({ ...answer.edges[0]!, ...change });
  const cases: [keyof typeof SCALES, Partial<MapEdge>, string][] = [
    ["health", { health: 90 }, "good"], ["health", { health: 89.9 }, "fair"], ["health", { health: 39 }, "bad"],
    ["retransmits", { retransmit_rate: null }, "none"], ["retransmits", { retransmit_rate: 0.031 }, "bad"],
    ["rtt", { rtt_p95: 1000 }, "good"], ["rtt", { rtt_p95: 50_000 }, "warn"],
    ["failures", { connections_attempted: 0, connections_failed: 0 }, "none"], ["failures", { connections_attempted: 10, connections_failed: 0 }, "good"],
    ["failures", { connections_attempted: 100, connections_failed: 1 }, "fair"], ["cost", { cost_usd_month: 101 }, "bad"],
  ];
  for (const [measure, change, wanted] of cases) assert.equal(tone(measure, edge(change)), wanted, `${measure} ${JSON.stringify(change)}`);
  assert.deepEqual(bands("rtt").map((one) => one.text), ["up to 1.00 ms", "up to 10.0 ms", "up to 100 ms", "over 100 ms", "not measured"]);
  assert.deepEqual(bands("health").map((one) => one.text).slice(0, 4), ["90 or more", "70 or more", "40 or more", "under 40"]);
});

test("a focus leaves an end, its neighbours and what is between them", () => {
  const id = answer.edges[0]!.client;
  const near = around(answer, id);
  const there = new Set(near.nodes.map((node) => node.id));
  assert.ok(there.has(id) && there.size < answer.nodes.length);
  assert.equal(near.edges.filter((edge) => edge.client === id || edge.server === id).length, answer.edges.filter((edge) => edge.client === id || edge.server === id).length);
  assert.equal(around(answer, "workload:shop/nowhere"), answer);
});

test("a search marks what it finds with its edges; a selection that is gone marks nothing", () => {
  const drawn = scene(answer, "", "health", arrange(answer, ""), null, 0);
  const marks = marked(drawn, "", "s3");
  assert.deepEqual([...marks.found], ["aws_service:S3"]);
  assert.ok(drawn.edges.every((edge) => marks.near!.has(edge.id) === (edge.to.id === "aws_service:S3")));
  assert.deepEqual(marked(drawn, "workload:gone", ""), { selected: "", found: new Set(), near: null });
});

test("names are what people call an end", () => {
  assert.equal(endName("workload:shop/cart"), "shop/cart");
  assert.equal(endName("internet:"), "internet");
  assert.equal(endName("node:"), "node");
  assert.equal(endName("others:shop"), "others in shop");
  assert.equal(endName("workload:blue/shop/cart"), "blue/shop/cart");
  assert.equal(endName("node:blue/"), "blue/node");
  assert.equal(shortName({ id: "workload:shop/cart", kind: "pod", name: "shop/cart", namespace: "shop" }), "cart");
});

test("the time line holds still under a window that is moved, and ends now when live", () => {
  const now = 1_000_000;
  assert.equal(overview({ since: now - 900, until: now }, now, true, null).until, now);
  const first = overview({ since: now - 9000, until: now - 8100 }, now, false, null);
  assert.equal(overview({ since: now - 5000, until: now - 4100 }, now, false, first), first);
  assert.equal(stepped({ since: now - 900, until: now }, now), null);
  assert.deepEqual(stepped({ since: now - 2000, until: now - 1000 }, now), { since: now - 1800, until: now - 800 });
});
