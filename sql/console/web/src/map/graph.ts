import type { ElementDefinition } from "cytoscape";
import type { State } from "../state";
import type { MapAnswer, MapEdge } from "../types";
import { edgeId, figure, shortName } from "./kinds";
import { box } from "./place";
import { tone, width, type Measure } from "./scale";

/** From here on edges are drawn as straight lines without arrows: curves cost too much. */
export const LARGE = 700;

/** What cytoscape draws, by id. Data hold only what changes how something looks, so that a refresh
 *  touches nothing else. */
export function elements(answer: MapAnswer, group: State["group"], measure: Measure): Map<string, ElementDefinition> {
  const found = new Map<string, ElementDefinition>();
  const seconds = Math.max(answer.until - answer.since, 1);
  for (const node of answer.nodes) {
    const name = box(node, group);
    if (name && !found.has(name)) {
      found.set(name, { group: "nodes", data: { id: name, label: name.slice(name.indexOf(":") + 1) }, classes: "box", selectable: false, grabbable: false });
    }
    const label = group === "namespace" ? shortName(node) : node.name || shortName(node);
    found.set(node.id, {
      group: "nodes",
      data: { id: node.id, label: clipped(label), figure: figure(node), size: size(node.bytes_sent + node.bytes_received, seconds), parent: name || undefined },
      classes: "end",
    });
  }
  for (const edge of answer.edges) {
    const id = edgeId(edge);
    if (!found.has(edge.client) || !found.has(edge.server)) continue;
    found.set(id, {
      group: "edges",
      data: {
        id,
        source: edge.client,
        target: edge.server,
        width: width((edge.bytes_to_server + edge.bytes_to_client) / seconds),
        tone: tone(measure, edge),
        line: crossesZones(edge) ? "dashed" : "solid",
        fresh: edge.is_new ? 1 : 0,
      },
    });
  }
  return found;
}

/** Most of its bytes are between zones. */
export function crossesZones(edge: MapEdge): boolean {
  return edge.cross_zone_bytes > (edge.bytes_to_server + edge.bytes_to_client) / 2;
}

function size(bytes: number, seconds: number): number {
  return Math.round(Math.min(Math.max(20 + 4 * (Math.log10(1 + bytes / seconds) - 2), 20), 44));
}

function clipped(label: string): string {
  return label.length > 26 ? `${label.slice(0, 17)}…${label.slice(-8)}` : label;
}

/** An end, those that it talks to, and what goes on among them. */
export function around(answer: MapAnswer, id: string): MapAnswer {
  if (!id || !answer.nodes.some((node) => node.id === id)) return answer;
  const near = new Set([id]);
  for (const { client, server } of answer.edges) {
    if (client === id) near.add(server);
    if (server === id) near.add(client);
  }
  return {
    ...answer,
    nodes: answer.nodes.filter((node) => near.has(node.id)),
    edges: answer.edges.filter(({ client, server }) => (client === id || server === id) || (near.has(client) && near.has(server))),
  };
}
