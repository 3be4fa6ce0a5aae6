import type { Drawing, Shown } from "./drawing";
import { paint } from "./paint";
import { bounds } from "./scene";
import { svg } from "./svg";

const MARGIN = 24;
/** Browsers refuse canvases much larger than this. */
const MOST_PIXELS = 8000;

/** Saves the whole map, not only what is in sight. */
export async function savePng({ scene, colours }: Drawing, shown: Shown): Promise<void> {
  const all = scene && bounds(scene);
  if (!all) return;
  const [width, height] = [all.x2 - all.x1 + 2 * MARGIN, all.y2 - all.y1 + 2 * MARGIN];
  const scale = Math.min(2, MOST_PIXELS / width, MOST_PIXELS / height);
  const canvas = new OffscreenCanvas(Math.ceil(width * scale), Math.ceil(height * scale));
  const view = { scale: 1, x: MARGIN - all.x1, y: MARGIN - all.y1, width, height };
  const context = canvas.getContext("2d") as unknown as CanvasRenderingContext2D; // it draws the same
  paint(context, scene, view, colours, { selected: "", found: new Set(), near: null }, Infinity);
  save(await canvas.convertToBlob({ type: "image/png" }), fileName(shown, "png"));
}

export function saveSvg({ scene, colours }: Drawing, shown: Shown): void {
  if (scene?.ends.size) save(new Blob([svg(scene, colours)], { type: "image/svg+xml" }), fileName(shown, "svg"));
}

/** flowatlas-map-workloads-health-2026-11-25T0930Z.svg: what is shown, and the end of its time. */
export function fileName({ measure, answer }: Shown, ending: string): string {
  const until = new Date(answer.until * 1000).toISOString().slice(0, 16).replace(":", "");
  return `flowatlas-map-${answer.ends}s-${measure}-${until}Z.${ending}`;
}

function save(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
