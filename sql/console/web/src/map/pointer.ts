import type { Drawing } from "./drawing";
import type { Point } from "./place";

export interface Hovered extends Point {
  id: string;
}

interface Told {
  /** An end's or edge's id, "" for neither. */
  tapped(id: string): void;
  doubled(id: string): void;
  hovered(what: Hovered | null): void;
}

/** Moves less far than this are a tap. */
const TAP = 4;
/** Two taps within this time and as near are a double one. */
const DOUBLE_MS = 500;
const DOUBLE_NEAR = 8;

/** Drags, wheel, pinch, taps and what is under the pointer. Gives back how to stop. */
export function follow(drawing: Drawing, tell: Told): () => void {
  const { canvas } = drawing;
  const stopping = new AbortController();
  const down = new Map<number, Point>();
  let dragged = ""; // by id, since a refresh makes new ends
  let moved = 0;
  const on = <K extends keyof HTMLElementEventMap>(name: K, then: (event: HTMLElementEventMap[K]) => void, options = {}) =>
    canvas.addEventListener(name, then, { signal: stopping.signal, ...options });
  const at = ({ clientX, clientY }: MouseEvent): Point => {
    const { left, top } = canvas.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  };
  let last = { id: "", when: -Infinity, x: 0, y: 0 };
  // By where the pointer is, not by what is there: the panel that the first tap opened may have moved the
  // map, or have come under the pointer.
  const again = ({ clientX, clientY, timeStamp }: MouseEvent) =>
    timeStamp - last.when < DOUBLE_MS && Math.hypot(clientX - last.x, clientY - last.y) < DOUBLE_NEAR;
  const tapped = (event: PointerEvent) => {
    const second = again(event);
    const id = second ? last.id : under(at(event));
    last = { id, when: second ? -Infinity : event.timeStamp, x: event.clientX, y: event.clientY };
    if (!second) tell.tapped(id);
    else if (id) tell.doubled(id);
  };
  const under = (point: Point) => drawing.endAt(point)?.id ?? drawing.edgeAt(point)?.id ?? "";

  on("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, at(event));
    if (down.size === 1) [dragged, moved] = [drawing.endAt(at(event))?.id ?? "", 0];
    tell.hovered(null);
  });
  on("pointermove", (event) => {
    const here = at(event);
    const before = down.get(event.pointerId);
    if (!before) {
      const id = under(here);
      canvas.style.cursor = id ? "pointer" : "grab";
      tell.hovered(id ? { id, ...here } : null);
      return;
    }
    const [x, y] = [here.x - before.x, here.y - before.y];
    moved += Math.abs(x) + Math.abs(y);
    if (moved < TAP) return;
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const [was, is] = [Math.hypot(before.x - other.x, before.y - other.y), Math.hypot(here.x - other.x, here.y - other.y)];
      if (was > 0) drawing.zoom(is / was, other);
    } else if (dragged) drawing.move(dragged, x, y);
    else drawing.pan(x, y);
    down.set(event.pointerId, here);
  });
  const up = (event: PointerEvent) => {
    if (!down.delete(event.pointerId)) return;
    if (event.type === "pointerup" && moved < TAP && !down.size) tapped(event);
  };
  on("pointerup", up);
  on("pointercancel", up);
  on("pointerleave", () => tell.hovered(null));
  addEventListener("pointerdown", (event) => {
    if (event.target === canvas || !again(event)) return;
    tapped(event);
    const signal = AbortSignal.timeout(DOUBLE_MS); // what does not follow at once is meant otherwise
    for (const name of ["mousedown", "click"]) {
      addEventListener(name, (meant) => { meant.preventDefault(); meant.stopPropagation(); }, { capture: true, once: true, signal });
    }
  }, { capture: true, signal: stopping.signal });
  on("wheel", (event) => {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    drawing.zoom(Math.exp(-event.deltaY * lines * 0.0015), at(event));
  }, { passive: false });
  return () => stopping.abort();
}
