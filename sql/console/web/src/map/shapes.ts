import { LOOKS, type Figure } from "./kinds";
import type { Point } from "./place";
import type { Edge } from "./scene";

/** A line from an end's border to the other's, through `bend` if it is curved; a loop has two. */
export interface Line {
  from: Point;
  to: Point;
  bends: Point[];
}

/** Where an edge runs. */
export function line({ from, to, bent }: Edge): Line {
  if (from === to) {
    const reach = from.half * 2.6;
    return {
      from: { x: from.x - from.half * 0.7, y: from.y - from.half * 0.7 },
      to: { x: from.x + from.half * 0.7, y: from.y - from.half * 0.7 },
      bends: [{ x: from.x - reach, y: from.y - reach }, { x: from.x + reach, y: from.y - reach }],
    };
  }
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const long = Math.hypot(dx, dy) || 1;
  const bow = Math.min(long * 0.16, 40);
  const bend = bent ? { x: (from.x + to.x) / 2 - (dy / long) * bow, y: (from.y + to.y) / 2 + (dx / long) * bow } : null;
  return { from: towards(from, bend ?? to, from.half), to: towards(to, bend ?? from, to.half + 2), bends: bend ? [bend] : [] };
}

function towards(here: Point, there: Point, by: number): Point {
  const long = Math.hypot(there.x - here.x, there.y - here.y) || 1;
  return { x: here.x + ((there.x - here.x) / long) * by, y: here.y + ((there.y - here.y) / long) * by };
}

/** How far a point is from a line. */
export function distance(point: Point, { from, to, bends }: Line): number {
  const [first, second] = bends;
  if (!first) return toSegment(point, from, to);
  let [nearest, last] = [Infinity, from];
  for (let step = 1; step <= 12; step++) {
    const at = step / 12;
    const next = second ? cubic(from, first, second, to, at) : quadratic(from, first, to, at);
    nearest = Math.min(nearest, toSegment(point, last, next));
    last = next;
  }
  return nearest;
}

function quadratic(a: Point, b: Point, c: Point, t: number): Point {
  const mix = (p: number, q: number, r: number) => (1 - t) ** 2 * p + 2 * t * (1 - t) * q + t * t * r;
  return { x: mix(a.x, b.x, c.x), y: mix(a.y, b.y, c.y) };
}

function cubic(a: Point, b: Point, c: Point, d: Point, t: number): Point {
  const mix = (p: number, q: number, r: number, s: number) => (1 - t) ** 3 * p + 3 * t * (1 - t) ** 2 * q + 3 * t * t * (1 - t) * r + t ** 3 * s;
  return { x: mix(a.x, b.x, c.x, d.x), y: mix(a.y, b.y, c.y, d.y) };
}

function toSegment(point: Point, a: Point, b: Point): number {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const along = Math.min(Math.max(((point.x - a.x) * dx + (point.y - a.y) * dy) / (dx * dx + dy * dy || 1), 0), 1);
  return Math.hypot(point.x - a.x - along * dx, point.y - a.y - along * dy);
}

/** Corners of an arrow whose point is the line's end. */
export function arrow({ from, to, bends }: Line, size: number): [Point, Point, Point] {
  const before = bends[bends.length - 1] ?? from;
  const angle = Math.atan2(to.y - before.y, to.x - before.x);
  const corner = (turn: number) => ({ x: to.x - size * Math.cos(angle + turn), y: to.y - size * Math.sin(angle + turn) });
  return [to, corner(0.42), corner(-0.42)];
}

/** Corners of an end's outline; null for a circle. */
export function corners(figure: Figure, { x, y }: Point, half: number): Point[] | null {
  const [sides, turn] = { circle: [0, 0], square: [4, Math.PI / 4], diamond: [4, 0], hexagon: [6, 0], octagon: [8, Math.PI / 8] }[LOOKS[figure].shape] as [number, number];
  if (!sides) return null;
  const reach = sides === 4 ? half * 1.25 : half * 1.08;
  return Array.from({ length: sides }, (_, at) => {
    const angle = turn + (at / sides) * 2 * Math.PI;
    return { x: x + reach * Math.cos(angle), y: y + reach * Math.sin(angle) };
  });
}
