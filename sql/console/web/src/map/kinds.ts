import { endName } from "../parts/names";
import type { EndId, Kind, MapNode } from "../types";

export type Figure = Kind | "namespace" | "workload";

interface Look {
  shape: "circle" | "square" | "hexagon" | "diamond" | "octagon";
  /** A CSS variable of map.css. */
  colour: string;
  /** What is drawn in it, within 16 × 16. */
  icon: string;
}

export const LOOKS: Record<Figure, Look> = {
  workload: { shape: "circle", colour: "--map-workload", icon: "M3 5l5-3 5 3v6l-5 3-5-3zM3 5l5 3 5-3M8 8v6" },
  pod: { shape: "circle", colour: "--map-workload", icon: "M8 3a5 5 0 1 0 .1 0z" },
  namespace: { shape: "square", colour: "--map-workload", icon: "M2 4h5v4H2zM9 4h5v4H9zM2 10h5v3H2zM9 10h5v3H9z" },
  node: { shape: "hexagon", colour: "--map-node", icon: "M3 3h10v4H3zM3 9h10v4H3zM5 5h1M5 11h1" },
  service: { shape: "diamond", colour: "--map-node", icon: "M8 4v8M4 8h8" },
  aws_service: { shape: "square", colour: "--map-aws", icon: "M5 12a3 3 0 0 1-.3-6A4 4 0 0 1 12 7a2.5 2.5 0 0 1 0 5z" },
  internet: { shape: "circle", colour: "--map-internet", icon: "M8 2a6 6 0 1 0 .1 0zM2 8h12M8 2c-4 4-4 8 0 12M8 2c4 4 4 8 0 12" },
  on_prem: { shape: "square", colour: "--map-on-prem", icon: "M4 14V3h8v11M2 14h12M6 6h1M9 6h1M6 9h1M9 9h1" },
  unknown: { shape: "octagon", colour: "--map-unknown", icon: "M6 6a2 2 0 1 1 2.5 2L8 10M8 12v.5" },
  others: { shape: "hexagon", colour: "--map-unknown", icon: "M4 8h.5M8 8h.5M12 8h.5" },
};

/** What an end is drawn as: its kind, and of pods what the map was asked for. */
export function figure(node: Pick<MapNode, "id" | "kind">): Figure {
  const prefix = node.id.slice(0, node.id.indexOf(":"));
  return prefix in LOOKS ? (prefix as Figure) : node.kind;
}

/** What an end is called where its namespace is beside it. */
export function shortName(node: Pick<MapNode, "id" | "kind" | "name" | "namespace">): string {
  const name = node.name || endName(node.id);
  return node.namespace && name.startsWith(`${node.namespace}/`) ? name.slice(node.namespace.length + 1) : name;
}

export function edgeId(edge: { client: EndId; server: EndId }): string {
  return `${edge.client}|${edge.server}`;
}
