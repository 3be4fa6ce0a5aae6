import type { View } from "./paint";

/** Beyond each border of what is in sight, as a share of it, for moving about. */
const MARGIN = 0.25;

/** A map painted with some of what is around it, to be shifted and scaled while it is moved: painting
 *  thousands of edges takes longer than a frame may. */
export class Picture {
  private readonly canvas = document.createElement("canvas");
  private of: View | null = null;

  /** Paints anew, on a canvas and for a view that are larger than what is in sight. */
  paint(seen: View, ratio: number, paint: (context: CanvasRenderingContext2D, view: View) => void): void {
    const [x, y] = [seen.width * MARGIN, seen.height * MARGIN];
    const view = { ...seen, x: seen.x + x, y: seen.y + y, width: seen.width + 2 * x, height: seen.height + 2 * y };
    const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
    if (this.canvas.width !== width || this.canvas.height !== height) [this.canvas.width, this.canvas.height] = [width, height];
    paint(this.canvas.getContext("2d", { alpha: false })!, view);
    this.of = view;
  }

  /** Shows it where it now belongs. */
  show(context: CanvasRenderingContext2D, seen: View, paper: string): void {
    if (!this.of) return;
    const ratio = context.canvas.width / seen.width;
    const by = seen.scale / this.of.scale;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.globalAlpha = 1;
    context.fillStyle = paper;
    context.fillRect(0, 0, seen.width, seen.height);
    context.drawImage(this.canvas, seen.x - this.of.x * by, seen.y - this.of.y * by, this.of.width * by, this.of.height * by);
  }
}
