import type { Colours } from "./colours";
import { LOOKS } from "./kinds";
import { bounds, type Box, type Edge, type End, type Scene } from "./scene";
import { arrow, corners, line } from "./shapes";

const MARGIN = 24;

/** The whole map as an SVG document. */
export function svg(scene: Scene, of: Colours): string {
  const all = bounds(scene) ?? { x1: 0, y1: 0, x2: 0, y2: 0 };
  const [x, y, width, height] = [all.x1 - MARGIN, all.y1 - MARGIN, all.x2 - all.x1 + 2 * MARGIN, all.y2 - all.y1 + 2 * MARGIN].map(Math.round);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="${x} ${y} ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" text-anchor="middle">`,
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${of.paper}"/>`,
    ...scene.boxes.map((one) => boxed(one, of)),
    ...scene.edges.map((one) => drawn(one, of)),
    ...[...scene.ends.values()].map((one) => placed(one, of)),
    "</svg>",
  ].join("\n");
}

function boxed({ label, x1, y1, x2, y2 }: Box, of: Colours): string {
  return (
    `<rect x="${n(x1)}" y="${n(y1)}" width="${n(x2 - x1)}" height="${n(y2 - y1)}" rx="8" fill="${of.muted}" fill-opacity="0.08" stroke="${of.line}"/>` +
    `<text x="${n((x1 + x2) / 2)}" y="${n(y1 - 4)}" font-weight="bold" fill="${of.muted}">${escaped(label)}</text>`
  );
}

function drawn(edge: Edge, of: Colours): string {
  const run = line(edge);
  const points = [...run.bends, run.to].map(({ x, y }) => `${n(x)} ${n(y)}`).join(" ");
  const colour = of.tones[edge.tone];
  const dashes = edge.dashed ? ' stroke-dasharray="7 4"' : "";
  const tip = arrow(run, 6 + edge.width * 1.6).map(({ x, y }) => `${n(x)},${n(y)}`).join(" ");
  return (
    `<g opacity="0.85"><title>${escaped(edge.id.replace("|", " → "))}</title>` +
    `<path d="M${n(run.from.x)} ${n(run.from.y)}${"LQC"[run.bends.length]}${points}" fill="none" stroke="${colour}" stroke-width="${edge.width}"${dashes}/>` +
    `<polygon points="${tip}" fill="${colour}"/></g>`
  );
}

function placed(end: End, of: Colours): string {
  const outline = corners(end.figure, end, end.half)?.map(({ x, y }) => `${n(x)},${n(y)}`).join(" ");
  const look = `fill="${of.figures[end.figure]}" stroke="${of.paper}" stroke-width="1.2"`;
  const size = (end.half * 1.3) / 16;
  return (
    `<g><title>${escaped(end.id)}</title>` +
    (outline ? `<polygon points="${outline}" ${look}/>` : `<circle cx="${n(end.x)}" cy="${n(end.y)}" r="${n(end.half)}" ${look}/>`) +
    `<path transform="translate(${n(end.x - 8 * size)} ${n(end.y - 8 * size)}) scale(${size.toFixed(3)})" d="${LOOKS[end.figure].icon}" fill="none" stroke="#fff" stroke-width="1.3"/>` +
    `<text x="${n(end.x)}" y="${n(end.y + end.half + 13)}" fill="${of.ink}" stroke="${of.paper}" stroke-width="3" paint-order="stroke">${escaped(end.label)}</text></g>`
  );
}

function n(value: number): string {
  return value.toFixed(1);
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (one) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[one]!);
}
