import type { MapAnswer, MapNode } from "../types";
import type { State } from "../state";

export interface Point {
  x: number;
  y: number;
}
/** Room that an end and its label take. */
export const CELL = { x: 110, y: 74 };
const MARGIN = 90;

/** The box that an end is drawn in, "" for none. */
export function box(node: MapNode, group: State["group"]): string {
  if (!group) return "";
  return node[group] ? `${group}:${node[group]}` : "";
}

/** Where each end goes on a map that is drawn for the first time: a grid a box, those with most
 *  neighbours in common side by side, and what is outside the cluster to the right. Nothing is left
 *  to chance, so that two people see the same map. */
export function arrange(answer: MapAnswer, group: State["group"]): Map<string, Point> {
  const blocks = blocksOf(answer, group);
  const order = chained(blocks, weights(answer, blocks));
  const inside = order.filter((one) => !one.outside);
  const outside = order.filter((one) => one.outside);
  const points = new Map<string, Point>();
  const right = shelves(inside, points, 0, aspectWidth(inside));
  shelves(outside, points, inside.length ? right + MARGIN * 1.5 : 0, outside.length ? Math.max(...outside.map((one) => one.width)) : 0);
  return points;
}

interface Block {
  name: string;
  outside: boolean;
  nodes: MapNode[];
  columns: number;
  width: number;
  height: number;
}

const OUTSIDE = new Set(["aws_service", "internet", "on_prem", "unknown"]);

function blocksOf(answer: MapAnswer, group: State["group"]): Block[] {
  const found = new Map<string, MapNode[]>();
  for (const node of answer.nodes) {
    const outside = OUTSIDE.has(node.kind);
    const name = outside ? node.kind : box(node, group) || `alone:${node.kind}`;
    (found.get(name) ?? found.set(name, []).get(name)!).push(node);
  }
  return [...found].map(([name, nodes]) => {
    nodes.sort((a, b) => b.bytes_sent + b.bytes_received - a.bytes_sent - a.bytes_received || (a.id < b.id ? -1 : 1));
    const outside = OUTSIDE.has(name);
    const columns = outside ? Math.ceil(nodes.length / 14) : Math.max(1, Math.round(Math.sqrt(nodes.length * 1.1)));
    return { name, outside, nodes, columns, width: columns * CELL.x, height: Math.ceil(nodes.length / columns) * CELL.y };
  });
}

/** Bytes between each two blocks, by their names in order. */
function weights(answer: MapAnswer, blocks: Block[]): Map<string, number> {
  const of = new Map(blocks.flatMap((one) => one.nodes.map((node) => [node.id, one.name] as const)));
  const found = new Map<string, number>();
  for (const edge of answer.edges) {
    const [a, b] = [of.get(edge.client), of.get(edge.server)];
    if (!a || !b || a === b) continue;
    const key = a < b ? `${a}|${b}` : `${b}|${a}`;
    found.set(key, (found.get(key) ?? 0) + Math.log10(10 + edge.bytes_to_server + edge.bytes_to_client));
  }
  return found;
}

/** The largest first, and each then followed by that which has most to do with those before it. */
function chained(blocks: Block[], between: Map<string, number>): Block[] {
  const left = [...blocks].sort((a, b) => b.nodes.length - a.nodes.length || (a.name < b.name ? -1 : 1));
  const found: Block[] = [];
  const pull = new Map<string, number>();
  while (left.length) {
    let best = 0;
    for (let at = 1; at < left.length; at++) {
      if ((pull.get(left[at]!.name) ?? 0) > (pull.get(left[best]!.name) ?? 0)) best = at;
    }
    const [next] = left.splice(best, 1) as [Block];
    found.push(next);
    for (const one of left) {
      const key = one.name < next.name ? `${one.name}|${next.name}` : `${next.name}|${one.name}`;
      pull.set(one.name, (pull.get(one.name) ?? 0) * 0.7 + (between.get(key) ?? 0));
    }
  }
  return found;
}

function aspectWidth(blocks: Block[]): number {
  const area = blocks.reduce((sum, one) => sum + (one.width + MARGIN) * (one.height + MARGIN), 0);
  return Math.max(Math.sqrt(area * 1.7), ...blocks.map((one) => one.width));
}

/** Blocks in rows no wider than `most`; gives the right border. */
function shelves(blocks: Block[], points: Map<string, Point>, left: number, most: number): number {
  let [x, y, tallest, right] = [left, 0, 0, left];
  for (const block of blocks) {
    if (x > left && x + block.width > left + most) [x, y, tallest] = [left, y + tallest + MARGIN, 0];
    block.nodes.forEach((node, at) => {
      const [column, row] = [at % block.columns, Math.floor(at / block.columns)];
      // every second row is shifted, so that straight edges do not run through ends
      points.set(node.id, { x: x + (column + (row % 2 ? 0.75 : 0.25)) * CELL.x, y: y + (row + 0.5) * CELL.y });
    });
    right = Math.max(right, x + block.width);
    x += block.width + MARGIN;
    tallest = Math.max(tallest, block.height);
  }
  return right;
}

/** Places for ends that have come anew: near those of their box or else near their neighbours, on the
 *  next free spot of a spiral. Those that have a place keep it. */
export function placeNew(answer: MapAnswer, group: State["group"], known: Map<string, Point>): Map<string, Point> {
  const found = new Map<string, Point>();
  const fresh = answer.nodes.filter((node) => !known.has(node.id));
  if (!fresh.length) return found;
  const neighbours = new Map<string, string[]>();
  const link = (a: string, b: string) => (neighbours.get(a) ?? neighbours.set(a, []).get(a)!).push(b);
  for (const edge of answer.edges) {
    link(edge.client, edge.server);
    link(edge.server, edge.client);
  }
  const placed = new Map(known);
  const taken = new Map<string, Point[]>();
  for (const point of known.values()) take(point, taken);
  for (const node of fresh) {
    const inBox = box(node, group);
    const mates = inBox ? answer.nodes.filter((one) => box(one, group) === inBox).map((one) => one.id) : [];
    const near = middle(mates, placed) ?? middle(neighbours.get(node.id) ?? [], placed) ?? middle([...placed.keys()], placed) ?? { x: 0, y: 0 };
    const spot = free(near, taken);
    take(spot, taken);
    placed.set(node.id, spot);
    found.set(node.id, spot);
  }
  return found;
}

function cell(x: number, y: number): string {
  return `${Math.floor(x / CELL.x)},${Math.floor(y / CELL.y)}`;
}

function take(point: Point, taken: Map<string, Point[]>): void {
  const name = cell(point.x, point.y);
  (taken.get(name) ?? taken.set(name, []).get(name)!).push(point);
}

function isFree({ x, y }: Point, taken: Map<string, Point[]>): boolean {
  for (const column of [-1, 0, 1]) {
    for (const row of [-1, 0, 1]) {
      for (const one of taken.get(cell(x + column * CELL.x, y + row * CELL.y)) ?? []) {
        if (Math.abs(one.x - x) < CELL.x * 0.6 && Math.abs(one.y - y) < CELL.y * 0.7) return false;
      }
    }
  }
  return true;
}

function middle(ids: string[], placed: Map<string, Point>): Point | null {
  const points = ids.flatMap((id) => placed.get(id) ?? []);
  if (!points.length) return null;
  return { x: points.reduce((sum, one) => sum + one.x, 0) / points.length, y: points.reduce((sum, one) => sum + one.y, 0) / points.length };
}

function free(near: Point, taken: Map<string, Point[]>): Point {
  for (let step = 0; ; step++) {
    const [angle, radius] = [step * 2.4, 0.6 * Math.sqrt(step)]; // the golden angle fills a disc evenly
    const spot = { x: near.x + Math.cos(angle) * radius * CELL.x, y: near.y + Math.sin(angle) * radius * CELL.y };
    if (isFree(spot, taken)) return spot;
  }
}
