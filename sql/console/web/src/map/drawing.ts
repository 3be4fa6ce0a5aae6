import type { State } from "../state";
import type { MapAnswer } from "../types";
import { colours, type Colours } from "./colours";
import { complete, places } from "./layout";
import { marked, type Marks } from "./marks";
import { paint, type View } from "./paint";
import { Picture } from "./picture";
import { type Point } from "./place";
import type { Measure } from "./scale";
import { bounds, boxes, scene, type Edge, type End, type Scene } from "./scene";
import { distance, line } from "./shapes";

export interface Shown {
  answer: MapAnswer;
  /** The end that only the neighbours of are shown, "" for none. */
  focus: string;
  group: State["group"];
  measure: Measure;
}

const MARGIN = 14;
/** Height that the buttons over the map take. */
const BUTTONS = 36;
/** A large map that has not been moved for so long is painted anew. */
const SETTLED_MS = 140;
const MOST_ZOOM = 4;
const FIT_ZOOM = 1.3;

/** The canvas, kept in step with what is to be shown. */
export class Drawing {
  scene: Scene | null = null;
  colours: Colours;
  private view: View = { scale: 1, x: 0, y: 0, width: 1, height: 1 };
  private marks: Marks = { selected: "", found: new Set(), near: null };
  private wanted = { selected: "", search: "" };
  private shown: Shown | null = null;
  private frame = 0;
  private drawn = false;
  /** Nobody has moved the map since it was made to fit. */
  private fitted = false;
  private readonly picture = new Picture();
  /** Until then, by performance.now(), the picture does. */
  private moving = 0;

  constructor(readonly canvas: HTMLCanvasElement) {
    this.colours = colours(canvas.parentElement!);
    this.resize();
  }

  /** Draws what is new and takes away what is gone; the rest stays put. */
  show(shown: Shown): void {
    const again = this.shown?.answer.ends === shown.answer.ends && this.shown.group === shown.group && this.shown.focus === shown.focus && this.scene?.ends.size;
    this.shown = shown;
    const { answer, group, measure } = shown;
    const known = this.places();
    complete(answer, group, known, this.view.width / this.view.height);
    this.scene = scene(answer, group, measure, known, again ? this.scene : null, performance.now());
    this.mark(this.wanted.selected, this.wanted.search);
    if (!again) this.fit();
  }

  /** Forgets all places and begins again. */
  arrange(): void {
    if (!this.shown) return;
    this.places().clear();
    this.show(this.shown);
    this.fit();
  }

  fit(): void {
    const all = this.scene && bounds(this.scene);
    if (!all) return;
    const { width, height } = this.view;
    const scale = Math.min((width - 2 * MARGIN) / (all.x2 - all.x1), (height - BUTTONS - 2 * MARGIN) / (all.y2 - all.y1), FIT_ZOOM);
    this.look({ scale, x: width / 2 - ((all.x1 + all.x2) / 2) * scale, y: (height + BUTTONS) / 2 - ((all.y1 + all.y2) / 2) * scale });
    this.fitted = true;
  }

  /** Zooms by a factor around a point of the canvas, its middle unless told. */
  zoom(by: number, at: Point = { x: this.view.width / 2, y: this.view.height / 2 }): void {
    const scale = Math.min(Math.max(this.view.scale * by, 0.03), MOST_ZOOM);
    const really = scale / this.view.scale;
    this.look({ scale, x: at.x - (at.x - this.view.x) * really, y: at.y - (at.y - this.view.y) * really }, true);
  }

  pan(x: number, y: number): void {
    this.look({ x: this.view.x + x, y: this.view.y + y }, true);
  }

  /** Puts an end elsewhere; it stays there. */
  move(id: string, x: number, y: number): void {
    const end = this.scene?.ends.get(id);
    if (!end) return;
    end.x += x / this.view.scale;
    end.y += y / this.view.scale;
    this.places().set(end.id, { x: end.x, y: end.y });
    this.scene!.boxes = boxes(this.scene!);
    this.later();
  }

  mark(selected: string, search: string): void {
    this.wanted = { selected, search };
    if (this.scene) this.marks = marked(this.scene, selected, search);
    this.later();
  }

  endAt(at: Point): End | null {
    const { x, y } = this.onMap(at);
    const slack = 3 / this.view.scale;
    let found: End | null = null;
    for (const end of this.scene?.ends.values() ?? []) {
      if (Math.hypot(end.x - x, end.y - y) <= Math.max(end.half, 4 / this.view.scale) + slack) found = end;
    }
    return found;
  }

  edgeAt(at: Point): Edge | null {
    const point = this.onMap(at);
    let [found, nearest]: [Edge | null, number] = [null, Infinity];
    for (const edge of this.scene?.edges ?? []) {
      if (this.marks.near && !this.marks.near.has(edge.id)) continue;
      const away = distance(point, line(edge)) - edge.width / 2;
      if (away <= nearest) [found, nearest] = [edge, away];
    }
    return nearest * this.view.scale <= 5 ? found : null;
  }

  /** Reads the page's colours and the canvas's size again. */
  resize(): void {
    const { clientWidth, clientHeight } = this.canvas.parentElement!;
    if (!clientWidth || !clientHeight) return;
    const ratio = Math.min(devicePixelRatio, 2);
    this.canvas.width = Math.round(clientWidth * ratio);
    this.canvas.height = Math.round(clientHeight * ratio);
    this.look({ width: clientWidth, height: clientHeight });
  }

  /** To be called a moment after a resize, so that nothing moves between the clicks of a double one:
   *  fits again what was fitted, or else brings what is selected back into sight. */
  settle(): void {
    if (this.fitted) return this.fit();
    const selected = this.scene?.ends.get(this.marks.selected) ?? this.scene?.edges.find((edge) => edge.id === this.marks.selected)?.to;
    if (!selected) return;
    const { scale, x, y, width, height } = this.view;
    const [left, top] = [selected.x * scale + x, selected.y * scale + y];
    if (left < 0 || top < 0 || left > width || top > height) this.pan(width / 2 - left, height / 2 - top);
  }

  restyle(): void {
    this.colours = colours(this.canvas.parentElement!);
    this.later();
  }

  stop(): void {
    cancelAnimationFrame(this.frame);
    this.frame = -1;
  }

  private look(change: Partial<View>, moved = false): void {
    this.view = { ...this.view, ...change };
    if (moved) this.fitted = false;
    this.moving = moved ? performance.now() + SETTLED_MS : 0;
    this.later();
  }

  private later(): void {
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.paint());
  }

  private paint(): void {
    this.frame = 0;
    if (!this.scene) return;
    const { scene, view, colours, marks } = this;
    const now = performance.now();
    const context = this.canvas.getContext("2d", { alpha: false })!;
    let again = false;
    if (!scene.large) again = paint(context, scene, view, colours, marks, now);
    else {
      const moving = now < this.moving;
      if (!moving) this.picture.paint(view, this.canvas.width / view.width, (on, larger) => { again = paint(on, scene, larger, colours, marks, now); });
      this.picture.show(context, view, colours.paper);
      again ||= moving;
    }
    if (!this.drawn) performance.mark("map drawn"); // what the speed of the page is measured by
    this.drawn = true;
    if (again) this.later();
  }

  private onMap({ x, y }: Point): Point {
    return { x: (x - this.view.x) / this.view.scale, y: (y - this.view.y) / this.view.scale };
  }

  private places() {
    return places(this.shown!.answer.ends, this.shown!.group);
  }
}
