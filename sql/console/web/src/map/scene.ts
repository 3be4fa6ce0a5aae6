import { endName } from "../parts/names";
import type { State } from "../state";
import type { MapAnswer, MapEdge } from "../types";
import { edgeId, figure, shortName, type Figure } from "./kinds";
import { box, type Point } from "./place";
import { tone, width, type Measure, type Tone } from "./scale";

/** What is drawn: where, how large, in which colour. Lengths are those of the map, not of the screen. */
export interface Scene {
  ends: Map<string, End>;
  /** The worst last, so that nothing is drawn over them. */
  edges: Edge[];
  boxes: Box[];
  /** More than can be told apart: what is well is drawn faintly, and without arrows. */
  large: boolean;
}

export interface End extends Point {
  id: string;
  label: string;
  figure: Figure;
  half: number;
  box: string;
  /** When it came, by performance.now(); 0 if it was there from the beginning. */
  born: number;
}

export interface Edge {
  id: string;
  from: End;
  to: End;
  width: number;
  tone: Tone;
  dashed: boolean;
  fresh: boolean;
  /** There is one the other way as well: both bend, so as not to lie on each other. */
  bent: boolean;
  born: number;
}

export interface Box {
  label: string;
  x1: number;
  y1: number;
  x2: number;
  y2: number;
}

export const LARGE = 700;
const TONES: Tone[] = ["none", "good", "fair", "warn", "bad"];
const PADDING = { side: 46, top: 34, bottom: 44 };

/** The scene of an answer, with its ends where `places` says; what is not in `before` is born `now`. */
export function scene(
  answer: MapAnswer, group: State["group"], measure: Measure, places: Map<string, Point>, before: Scene | null, now: number,
): Scene {
  const seconds = Math.max(answer.until - answer.since, 1);
  const ends = new Map<string, End>();
  for (const node of answer.nodes) {
    const inBox = box(node, group);
    const label = node.kind === "others" ? node.name : group === "namespace" && inBox ? shortName(node) : endName(node.id);
    const born = before ? (before.ends.get(node.id)?.born ?? now) : 0;
    const half = size((node.bytes_sent + node.bytes_received) / seconds);
    ends.set(node.id, { id: node.id, ...places.get(node.id)!, label: clipped(label), figure: figure(node), half, box: inBox, born });
  }
  const old = new Map(before?.edges.map((edge) => [edge.id, edge.born]));
  const ids = new Set(answer.edges.map(edgeId));
  const edges = answer.edges.flatMap((edge): Edge[] => {
    const [from, to, id] = [ends.get(edge.client), ends.get(edge.server), edgeId(edge)];
    if (!from || !to) return [];
    return [{
      id, from, to,
      width: width((edge.bytes_to_server + edge.bytes_to_client) / seconds),
      tone: tone(measure, edge),
      dashed: crossesZones(edge),
      fresh: edge.is_new,
      bent: ids.has(`${edge.server}|${edge.client}`),
      born: before ? (old.get(id) ?? now) : 0,
    }];
  });
  edges.sort((a, b) => TONES.indexOf(a.tone) - TONES.indexOf(b.tone));
  const found: Scene = { ends, edges, boxes: [], large: edges.length > LARGE };
  found.boxes = boxes(found);
  return found;
}

/** The boxes around the ends as they are placed now. */
export function boxes(of: Scene): Box[] {
  const found = new Map<string, Box>();
  for (const end of of.ends.values()) {
    if (!end.box) continue;
    const label = end.box.slice(end.box.indexOf(":") + 1);
    const one = found.get(end.box) ?? { label, x1: Infinity, y1: Infinity, x2: -Infinity, y2: -Infinity };
    one.x1 = Math.min(one.x1, end.x - PADDING.side);
    one.x2 = Math.max(one.x2, end.x + PADDING.side);
    one.y1 = Math.min(one.y1, end.y - PADDING.top);
    one.y2 = Math.max(one.y2, end.y + PADDING.bottom);
    found.set(end.box, one);
  }
  return [...found.values()];
}

/** The rectangle that all is in; null of an empty scene. */
export function bounds(of: Scene): Box | null {
  if (!of.ends.size) return null;
  const found = { label: "", x1: Infinity, y1: Infinity, x2: -Infinity, y2: -Infinity };
  for (const one of [...of.boxes, ...[...of.ends.values()].map(({ x, y }) => ({ x1: x - 40, y1: y - 30, x2: x + 40, y2: y + 40 }))]) {
    found.x1 = Math.min(found.x1, one.x1);
    found.y1 = Math.min(found.y1, one.y1 - 12);
    found.x2 = Math.max(found.x2, one.x2);
    found.y2 = Math.max(found.y2, one.y2);
  }
  return found;
}

/** Most of its bytes are between zones. */
export function crossesZones(edge: MapEdge): boolean {
  return edge.cross_zone_bytes > (edge.bytes_to_server + edge.bytes_to_client) / 2;
}

function size(bytesPerSecond: number): number {
  return Math.min(Math.max(11 + 2 * (Math.log10(1 + bytesPerSecond) - 2), 11), 22);
}

function clipped(label: string): string {
  return label.length > 26 ? `${label.slice(0, 17)}…${label.slice(-8)}` : label;
}
