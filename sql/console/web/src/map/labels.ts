import type { Colours } from "./colours";
import type { Marks } from "./marks";
import type { View } from "./paint";
import type { Scene } from "./scene";

const FONT = "12px system-ui, sans-serif";
const HEIGHT = 15;
const CELL = 24;
const MOST = 400;
const widths = new Map<string, number>();

/** Names of boxes and ends, of one size at every zoom; where there is no room for all, of the marked
 *  ones and the largest. */
export function labels(canvas: CanvasRenderingContext2D, scene: Scene, view: View, of: Colours, marks: Marks): void {
  canvas.setTransform(canvas.canvas.width / view.width, 0, 0, canvas.canvas.height / view.height, 0, 0);
  canvas.textAlign = "center";
  canvas.lineWidth = 3;
  canvas.lineJoin = "round";
  canvas.strokeStyle = of.paper;
  const taken = new Set<number>();

  canvas.font = `bold ${FONT}`;
  canvas.fillStyle = of.muted;
  for (const box of scene.boxes) {
    write(canvas, box.label, ((box.x1 + box.x2) / 2) * view.scale + view.x, box.y1 * view.scale + view.y - 4, view, taken, true);
  }
  canvas.font = FONT;
  canvas.fillStyle = of.ink;
  const urgent = (id: string) => marks.selected === id || marks.found.has(id) || (marks.near?.has(id) ?? false);
  const ends = [...scene.ends.values()].sort((a, b) => Number(urgent(b.id)) - Number(urgent(a.id)) || b.half - a.half || (a.id < b.id ? -1 : 1));
  let written = 0;
  for (const end of ends) {
    if (marks.near && !urgent(end.id)) break;
    const half = Math.max(end.half * view.scale, 3.5);
    const forced = marks.selected === end.id;
    if (write(canvas, end.label, end.x * view.scale + view.x, end.y * view.scale + view.y + half + 13, view, taken, forced)) written += 1;
    if (written === MOST) break;
  }
}

function write(canvas: CanvasRenderingContext2D, text: string, x: number, y: number, view: View, taken: Set<number>, forced: boolean): boolean {
  if (x < -60 || y < -10 || x > view.width + 60 || y > view.height + 20) return false;
  const key = canvas.font + text;
  const wide = widths.get(key) ?? widths.set(key, canvas.measureText(text).width).get(key)!;
  const cells: number[] = [];
  for (let column = Math.floor((x - wide / 2) / CELL); column <= Math.floor((x + wide / 2) / CELL); column++) {
    for (let row = Math.floor((y - HEIGHT) / HEIGHT); row <= Math.floor(y / HEIGHT); row++) {
      const cell = row * 10_000 + column;
      if (taken.has(cell) && !forced) return false;
      cells.push(cell);
    }
  }
  cells.forEach((cell) => taken.add(cell));
  canvas.strokeText(text, x, y);
  canvas.fillText(text, x, y);
  return true;
}
