import type { MapAnswer, MapEdge, MapNode } from "../types";
import { bytes, many } from "../parts/units";

/** More than this many cannot be told apart, and would make the page slow. */
export const MOST_NODES = 1200;
export const MOST_EDGES = 8000;

/** The answer with its smallest ends put together into one "others" a namespace, so that at most so
 *  many ends and edges are left to draw. All sums stay exact; what does not add up (percentiles) is
 *  null on edges that were put together, and their health is that of the worst. */
export function fold(answer: MapAnswer, nodes = MOST_NODES, edges = MOST_EDGES): MapAnswer {
  if (answer.nodes.length <= nodes && answer.edges.length <= edges) return answer;
  const ranked = [...answer.nodes].sort((a, b) => volume(b) - volume(a) || (a.id < b.id ? -1 : 1));
  let kept = Math.min(nodes, ranked.length);
  let found = folded(answer, ranked, kept);
  while ((found.edges.length > edges || found.nodes.length > nodes) && kept > 1) {
    kept = Math.floor(kept * 0.8);
    found = folded(answer, ranked, kept);
  }
  return found;
}

function folded(answer: MapAnswer, ranked: MapNode[], kept: number): MapAnswer {
  const into = new Map<string, string>();
  const nodes = ranked.slice(0, kept);
  const others = new Map<string, MapNode>(nodes.filter((one) => one.kind === "others").map((one) => [one.id, { ...one }]));
  let ends = 0;
  for (const one of ranked.slice(kept)) {
    const id = `others:${one.namespace}`;
    into.set(one.id, id);
    ends += one.folded;
    const sum = others.get(id);
    if (sum) add(sum, one);
    else others.set(id, { ...one, id, kind: "others", name: "", zone: "", node: "" });
  }
  for (const one of others.values()) one.name = `${many(one.folded, "other")}`;
  const single = nodes.filter((one) => one.kind !== "others");

  const edges = new Map<string, MapEdge>();
  let moved = 0;
  let bytesMoved = 0;
  for (const edge of answer.edges) {
    const client = into.get(edge.client) ?? edge.client;
    const server = into.get(edge.server) ?? edge.server;
    if (client !== edge.client || server !== edge.server) {
      moved += 1;
      bytesMoved += edge.bytes_to_server + edge.bytes_to_client;
    }
    const key = `${client}|${server}`;
    const sum = edges.get(key);
    edges.set(key, sum ? together(sum, edge) : { ...edge, client, server });
  }
  const sentence =
    `${many(ends, "small end")} with ${many(moved, "edge")} (${bytes(bytesMoved)}) are drawn together as "others", ` +
    "with their sums: filter, or choose fewer ends, to see them one by one.";
  return {
    ...answer,
    nodes: [...single, ...others.values()],
    edges: [...edges.values()],
    folded: { nodes: ends, edges: moved, bytes: bytesMoved, sentence: answer.folded ? `${answer.folded.sentence} ${sentence}` : sentence },
  };
}

function volume(node: MapNode): number {
  return node.bytes_sent + node.bytes_received;
}

function add(sum: MapNode, one: MapNode): void {
  sum.bytes_sent += one.bytes_sent;
  sum.bytes_received += one.bytes_received;
  sum.cost_usd += one.cost_usd;
  sum.folded += one.folded;
}

const ADDITIVE = [
  "bytes_to_server", "bytes_to_client", "packets_to_server", "packets_to_client", "connections_attempted",
  "connections_established", "connections_failed", "connections_refused", "connections_timed_out",
  "connections_reset", "connections_unreachable", "connections_half_open", "connections_handshake_reset", "listen_overflows", "resets", "zero_windows",
  "retransmitted_segments", "dropped_packets", "cost_usd", "unpriced_bytes", "cross_zone_bytes", "cost_usd_month",
] as const;

function together(sum: MapEdge, one: MapEdge): MapEdge {
  const found: MapEdge = { ...sum };
  for (const name of ADDITIVE) found[name] = sum[name] + one[name];
  found.retransmit_rate = rate(sum, one);
  found.rtt_p50 = found.rtt_p95 = found.connect_p95 = null;
  found.health = Math.min(sum.health, one.health);
  found.paths = [...new Set([...sum.paths, ...one.paths])];
  found.is_new = sum.is_new && one.is_new;
  return found;
}

/** Each rate tells its segments, of which the answer gives the retransmitted only. */
function rate(a: MapEdge, b: MapEdge): number | null {
  const known = [a, b].filter((edge) => edge.retransmit_rate !== null);
  if (!known.length) return null;
  const again = known.reduce((sum, edge) => sum + edge.retransmitted_segments, 0);
  if (!again) return 0;
  const sent = known.reduce(
    (sum, edge) => sum + (edge.retransmit_rate ? edge.retransmitted_segments / edge.retransmit_rate : edge.packets_to_server + edge.packets_to_client),
    0,
  );
  return Math.min(again / sent, 1);
}
