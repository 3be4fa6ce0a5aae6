import cytoscape, { type ElementDefinition } from "cytoscape";
import fcose from "cytoscape-fcose";
import type { State } from "../state";
import type { MapAnswer } from "../types";
import { arrange, box, placeNew, type Point } from "./place";

cytoscape.use(fcose);

/** Up to here fcose betters the first arrangement; beyond it would take seconds. */
const FCOSE_NODES = 150;
const FCOSE_EDGES = 600;

const remembered = new Map<string, Map<string, Point>>();

/** Where ends are on the map of such ends in such boxes, for as long as the page is open. */
export function places(ends: State["ends"], group: State["group"]): Map<string, Point> {
  const key = `${ends} ${group}`;
  return remembered.get(key) ?? remembered.set(key, new Map()).get(key)!;
}

/** Adds places for ends that have none, beside those that do; `aspect` is the canvas's width by
 *  height. Where fewer than half have one, as on a map that is opened or when a filter was taken off,
 *  all are arranged. */
export function complete(answer: MapAnswer, group: State["group"], known: Map<string, Point>, aspect: number): void {
  const kept = answer.nodes.filter((node) => known.has(node.id)).length;
  if (kept * 2 >= answer.nodes.length) return add(known, placeNew(answer, group, known));
  known.clear();
  const begun = arrange(answer, group);
  const small = answer.nodes.length > 2 && answer.nodes.length <= FCOSE_NODES && answer.edges.length <= FCOSE_EDGES;
  add(known, small ? stretched(forced(answer, group, begun), aspect) : begun);
}

function add(known: Map<string, Point>, more: Map<string, Point>): void {
  for (const [id, point] of more) known.set(id, point);
}

/** Betters places by forces along the edges. The same again for the same answer. */
function forced(answer: MapAnswer, group: State["group"], begun: Map<string, Point>): Map<string, Point> {
  const boxes = new Set(answer.nodes.map((node) => box(node, group)).filter(Boolean));
  const elements: ElementDefinition[] = [
    ...[...boxes].map((id) => ({ data: { id } })),
    ...answer.nodes.map((node) => ({ data: { id: node.id, parent: box(node, group) || undefined }, position: { ...begun.get(node.id)! } })),
    ...answer.edges.filter((edge) => edge.client !== edge.server).map((edge) => ({ data: { source: edge.client, target: edge.server } })),
  ];
  const model = cytoscape({ headless: true, styleEnabled: true, elements, style: [{ selector: "node", style: { width: 92, height: 78 } }] });
  model.layout({
    name: "fcose",
    quality: "proof", // the only one that begins from where ends are
    randomize: false,
    animate: false,
    fit: false,
    packComponents: false,
    nodeRepulsion: () => 6000,
    idealEdgeLength: () => 90,
    nodeSeparation: 80,
    gravity: 0.5,
    gravityCompound: 1.4,
    numIter: 1200,
  } as cytoscape.LayoutOptions).run();
  const found = new Map(answer.nodes.map((node) => [node.id, { ...model.getElementById(node.id).position() }]));
  model.destroy();
  return found;
}

/** As wide for its height as the canvas is: names need the room. */
function stretched(points: Map<string, Point>, aspect: number): Map<string, Point> {
  const [xs, ys] = [[...points.values()].map((one) => one.x), [...points.values()].map((one) => one.y)];
  const [wide, high] = [Math.max(...xs) - Math.min(...xs) || 1, Math.max(...ys) - Math.min(...ys) || 1];
  const by = Math.min(Math.max((aspect * high) / wide, 1), 1.8);
  return new Map([...points].map(([id, { x, y }]) => [id, { x: x * by, y }]));
}
