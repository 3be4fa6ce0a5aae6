import type { Core, EdgeSingular, NodeSingular } from "cytoscape";
import { LOOKS, type Figure } from "./kinds";
import type { Colours } from "./style";
import type { Tone } from "./scale";

const MARGIN = 30;

/** The whole map as an SVG document, drawn from where cytoscape has things. */
export function svg(cy: Core, of: Colours): string {
  const around = cy.elements().boundingBox({});
  const size = [around.w + 2 * MARGIN, around.h + 2 * MARGIN].map(Math.ceil);
  const arrows = Object.entries(of.tones).map(([tone, colour]) =>
    `<marker id="arrow-${tone}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z" fill="${colour}"/></marker>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size[0]}" height="${size[1]}" viewBox="${Math.floor(around.x1 - MARGIN)} ${Math.floor(around.y1 - MARGIN)} ${size[0]} ${size[1]}" font-family="sans-serif">`,
    `<defs>${arrows.join("")}</defs>`,
    `<rect x="${around.x1 - MARGIN}" y="${around.y1 - MARGIN}" width="100%" height="100%" fill="${of.paper}"/>`,
    ...cy.nodes(".box").map((node) => boxed(node, of)),
    ...cy.edges().map((edge) => line(edge, of)),
    ...cy.nodes(".end").map((node) => end(node, of)),
    "</svg>",
  ].join("\n");
}

function boxed(node: NodeSingular, of: Colours): string {
  const { x1, y1, w, h } = node.boundingBox({ includeLabels: false, includeOverlays: false });
  return (
    `<rect x="${n(x1)}" y="${n(y1)}" width="${n(w)}" height="${n(h)}" rx="8" fill="${of.muted}" fill-opacity="0.07" stroke="${of.line}"/>` +
    `<text x="${n(x1 + w / 2)}" y="${n(y1 - 5)}" text-anchor="middle" font-size="14" font-weight="bold" fill="${of.muted}">${escaped(node.data("label"))}</text>`
  );
}

function line(edge: EdgeSingular, of: Colours): string {
  const [from, to] = [edge.sourceEndpoint(), edge.targetEndpoint()];
  if (![from?.x, from?.y, to?.x, to?.y].every(Number.isFinite)) return "";
  const [bend, ...more] = edge.controlPoints() ?? [];
  const curve = !bend ? `L${n(to.x)} ${n(to.y)}`
    : more.length ? `C${n(bend.x)} ${n(bend.y)} ${n(more[0]!.x)} ${n(more[0]!.y)} ${n(to.x)} ${n(to.y)}`
    : `Q${n(bend.x)} ${n(bend.y)} ${n(to.x)} ${n(to.y)}`;
  const tone = edge.data("tone") as Tone;
  const dashed = edge.data("line") === "dashed" ? ' stroke-dasharray="7 4"' : "";
  return `<path d="M${n(from.x)} ${n(from.y)}${curve}" fill="none" stroke="${of.tones[tone]}" stroke-width="${edge.data("width")}" stroke-opacity="0.85"${dashed} marker-end="url(#arrow-${tone})"><title>${escaped(edge.id().replace("|", " → "))}</title></path>`;
}

function end(node: NodeSingular, of: Colours): string {
  const { x, y } = node.position();
  const figure = node.data("figure") as Figure;
  const half = (node.data("size") as number) / 2;
  const look = LOOKS[figure];
  const scale = (half * 1.2) / 16;
  return (
    `<g><title>${escaped(node.id())}</title>` +
    `<rect x="${n(x - half)}" y="${n(y - half)}" width="${n(2 * half)}" height="${n(2 * half)}" rx="${n(look.shape === "ellipse" ? half : half / 2.5)}" fill="${of.figures[figure]}" stroke="${of.paper}" stroke-width="1.5"/>` +
    `<path transform="translate(${n(x - 8 * scale)} ${n(y - 8 * scale)}) scale(${scale.toFixed(3)})" d="${look.icon}" fill="none" stroke="#fff" stroke-width="1.3"/>` +
    `<text x="${n(x)}" y="${n(y + half + 14)}" text-anchor="middle" font-size="12" fill="${of.ink}" stroke="${of.paper}" stroke-width="3" paint-order="stroke">${escaped(node.data("label"))}</text></g>`
  );
}

function n(value: number): string {
  return value.toFixed(1);
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (one) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[one]!);
}
