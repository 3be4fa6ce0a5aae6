import cytoscape, { type Core } from "cytoscape";
import fcose from "cytoscape-fcose";
import type { State } from "../state";
import type { MapAnswer } from "../types";
import { arrange, placeNew, type Point } from "./place";

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

/** Adds places for ends that have none. True if it was for all: then `refine` may better them. */
export function complete(answer: MapAnswer, group: State["group"], known: Map<string, Point>): boolean {
  const first = !answer.nodes.some((node) => known.has(node.id));
  for (const [id, point] of first ? arrange(answer, group) : placeNew(answer, group, known)) known.set(id, point);
  return first;
}

/** Betters the places of all ends by forces along the edges, where that is quick enough. */
export function refine(cy: Core, known: Map<string, Point>): void {
  const ends = cy.nodes(".end");
  if (ends.length < 3 || ends.length > FCOSE_NODES || cy.edges().length > FCOSE_EDGES) return;
  const options = {
    name: "fcose",
    quality: "proof", // the only one that begins from where ends are, and so comes out the same
    randomize: false,
    animate: false,
    fit: false,
    packComponents: false,
    nodeDimensionsIncludeLabels: true,
    nodeRepulsion: () => 9000,
    idealEdgeLength: () => 110,
    nodeSeparation: 90,
    gravity: 0.3,
    numIter: 1000,
  };
  cy.layout(options as cytoscape.LayoutOptions).run();
  keep(cy, known);
}

/** Notes where ends are now. */
export function keep(cy: Core, known: Map<string, Point>): void {
  cy.nodes(".end").forEach((node) => void known.set(node.id(), { ...node.position() }));
}
