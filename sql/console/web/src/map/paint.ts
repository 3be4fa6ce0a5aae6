import type { Colours } from "./colours";
import { labels } from "./labels";
import { LOOKS } from "./kinds";
import type { Marks } from "./marks";
import type { Tone } from "./scale";
import type { Edge, End, Scene } from "./scene";
import { arrow, corners, line, type Line } from "./shapes";

/** A point of the map is at point × scale + x, y of the canvas. */
export interface View {
  scale: number;
  x: number;
  y: number;
  width: number;
  height: number;
}

export const FADE_MS = 900;
const FAINT: Record<Tone, number> = { none: 0.12, good: 0.16, fair: 0.5, warn: 0.85, bad: 0.95 };
/** More edges in sight than this go without arrows. */
const MOST_ARROWS = 1500;
const icons = new Map<string, Path2D>();

/** Draws the whole scene. True if something is still fading in, so that it has to be drawn again. */
export function paint(canvas: CanvasRenderingContext2D, scene: Scene, view: View, of: Colours, marks: Marks, now: number): boolean {
  canvas.setTransform(canvas.canvas.width / view.width, 0, 0, canvas.canvas.height / view.height, 0, 0);
  canvas.globalAlpha = 1;
  canvas.fillStyle = of.paper;
  canvas.fillRect(0, 0, view.width, view.height);
  canvas.translate(view.x, view.y);
  canvas.scale(view.scale, view.scale);
  paintBoxes(canvas, scene, view, of);
  const seen = inSight(view);
  const edges = scene.edges.filter(seen);
  let fading = paintEdges(canvas, edges, scene, view, of, marks, now);
  canvas.globalAlpha = 1;
  for (const end of scene.ends.values()) fading = paintEnd(canvas, end, view, of, marks, now) || fading;
  canvas.globalAlpha = 1;
  labels(canvas, scene, view, of, marks);
  return fading;
}

function inSight({ scale, x, y, width, height }: View): (edge: Edge) => boolean {
  const [left, top, right, bottom] = [-x / scale - 50, -y / scale - 50, (width - x) / scale + 50, (height - y) / scale + 50];
  return ({ from, to }) =>
    !((from.x < left && to.x < left) || (from.x > right && to.x > right) || (from.y < top && to.y < top) || (from.y > bottom && to.y > bottom));
}

function paintBoxes(canvas: CanvasRenderingContext2D, scene: Scene, { scale }: View, of: Colours): void {
  canvas.lineWidth = 1 / scale;
  for (const { x1, y1, x2, y2 } of scene.boxes) {
    canvas.beginPath();
    canvas.roundRect(x1, y1, x2 - x1, y2 - y1, 8);
    canvas.fillStyle = of.muted;
    canvas.globalAlpha = 0.08;
    canvas.fill();
    canvas.globalAlpha = 1;
    canvas.strokeStyle = of.line;
    canvas.stroke();
  }
}

function paintEdges(canvas: CanvasRenderingContext2D, edges: Edge[], scene: Scene, view: View, of: Colours, marks: Marks, now: number): boolean {
  const thick = Math.min(Math.max(view.scale, 0.4), 1.4) / view.scale;
  const arrows = edges.length <= MOST_ARROWS && view.scale > 0.2;
  let fading = false;
  let style = "";
  const stroke = () => style && canvas.stroke();
  // neighbours in this order look alike, and are stroked as one
  for (const edge of edges) {
    const chosen = marks.selected === edge.id;
    const near = marks.near?.has(edge.id) ?? false;
    const age = edge.born ? Math.min((now - edge.born) / FADE_MS, 1) : 1;
    fading ||= age < 1;
    const clear = marks.near ? (near ? 1 : 0.1) : scene.large ? FAINT[edge.tone] : 0.85;
    const alpha = clear * age;
    const run = line(edge);
    if (edge.fresh || chosen) {
      stroke();
      style = "";
      under(canvas, run, (edge.width + 8) * thick, chosen ? of.ink : of.accent, 0.3 * alpha);
    }
    const wanted = `${edge.tone} ${edge.width} ${edge.dashed} ${alpha}`;
    if (wanted !== style) {
      stroke();
      style = wanted;
      canvas.globalAlpha = alpha;
      canvas.strokeStyle = canvas.fillStyle = of.tones[edge.tone];
      canvas.lineWidth = edge.width * thick;
      canvas.setLineDash(edge.dashed && (!scene.large || near) ? [7 * thick, 4 * thick] : []);
      canvas.beginPath();
    }
    trace(canvas, run);
    if (arrows) {
      stroke();
      style = "";
      fill(canvas, arrow(run, (6 + edge.width * 1.6) * thick));
    }
  }
  stroke();
  canvas.setLineDash([]);
  return fading;
}

function trace(canvas: CanvasRenderingContext2D, { from, to, bends: [first, second] }: Line): void {
  canvas.moveTo(from.x, from.y);
  if (second) canvas.bezierCurveTo(first!.x, first!.y, second.x, second.y, to.x, to.y);
  else if (first) canvas.quadraticCurveTo(first.x, first.y, to.x, to.y);
  else canvas.lineTo(to.x, to.y);
}

function under(canvas: CanvasRenderingContext2D, run: Line, wide: number, colour: string, alpha: number): void {
  canvas.setLineDash([]);
  canvas.globalAlpha = alpha;
  canvas.strokeStyle = colour;
  canvas.lineWidth = wide;
  canvas.beginPath();
  trace(canvas, run);
  canvas.stroke();
}

function fill(canvas: CanvasRenderingContext2D, points: { x: number; y: number }[]): void {
  canvas.beginPath();
  for (const { x, y } of points) canvas.lineTo(x, y);
  canvas.closePath();
  canvas.fill();
}

function paintEnd(canvas: CanvasRenderingContext2D, end: End, { scale }: View, of: Colours, marks: Marks, now: number): boolean {
  const age = end.born ? Math.min((now - end.born) / FADE_MS, 1) : 1;
  const half = Math.max(end.half, 3.5 / scale);
  const ring = marks.selected === end.id ? of.ink : marks.found.has(end.id) ? of.accent : "";
  canvas.globalAlpha = age * (marks.near && !marks.near.has(end.id) ? 0.3 : 1);
  const outline = corners(end.figure, end, half);
  canvas.beginPath();
  if (outline) {
    for (const { x, y } of outline) canvas.lineTo(x, y);
    canvas.closePath();
  } else canvas.arc(end.x, end.y, half, 0, 2 * Math.PI);
  canvas.fillStyle = of.figures[end.figure];
  canvas.fill();
  canvas.lineJoin = "round";
  canvas.strokeStyle = ring || of.paper;
  canvas.lineWidth = (ring ? 4 : 1.2) / Math.min(scale, 1.4);
  canvas.stroke();
  if (half * scale > 7) {
    const { icon } = LOOKS[end.figure];
    const path = icons.get(icon) ?? icons.set(icon, new Path2D(icon)).get(icon)!;
    const size = (half * 1.3) / 16;
    canvas.save();
    canvas.translate(end.x - 8 * size, end.y - 8 * size);
    canvas.scale(size, size);
    canvas.strokeStyle = "#fff";
    canvas.lineWidth = 1.3;
    canvas.stroke(path);
    canvas.restore();
  }
  return age < 1;
}
