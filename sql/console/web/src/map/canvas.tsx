import { useEffect, useRef, useState } from "preact/hooks";
import { endName } from "../parts/names";
import { many, rate } from "../parts/units";
import { go, state } from "../state";
import type { MapAnswer } from "../types";
import { Drawing, type Shown } from "./drawing";
import { savePng, saveSvg } from "./export";
import { edgeId } from "./kinds";
import { follow, type Hovered } from "./pointer";
import { SCALES, valueText, type Measure } from "./scale";

/** Longer than between the clicks of a double one. */
const SETTLE_MS = 500;

/** The drawn map with its buttons and keys. */
export function Canvas({ shown }: { shown: Shown }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const drawing = useRef<Drawing | null>(null);
  const [hovered, hover] = useState<Hovered | null>(null);
  const { selected, search } = state.value;

  useEffect(() => {
    const made = (drawing.current = new Drawing(canvas.current!));
    const unfollow = follow(made, {
      tapped: (id) => go({ selected: id === state.value.selected ? "" : id }),
      doubled: (id) => {
        if (!id.includes("|")) go({ focus: id === state.value.focus ? "" : id, selected: id });
      },
      hovered: hover,
    });
    let settling = 0;
    const resized = new ResizeObserver(() => {
      made.resize();
      clearTimeout(settling);
      settling = window.setTimeout(() => made.settle(), SETTLE_MS);
    });
    resized.observe(canvas.current!.parentElement!);
    const restyle = () => made.restyle();
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", restyle);
    const themed = new MutationObserver(restyle);
    themed.observe(document.documentElement, { attributes: true });
    return () => {
      unfollow();
      clearTimeout(settling);
      made.stop();
      resized.disconnect();
      themed.disconnect();
      dark.removeEventListener("change", restyle);
    };
  }, []);
  useEffect(() => {
    drawing.current!.show(shown);
  }, [shown]);
  useEffect(() => drawing.current!.mark(selected, search), [selected, search]);

  const { answer } = shown;
  return (
    <>
      <div
        class="map-canvas"
        role="application"
        tabIndex={0}
        aria-label={`Map of ${many(answer.nodes.length, "end")} and ${many(answer.edges.length, "edge")}; the list beside it has the same`}
        aria-keyshortcuts="+ - 0 Escape ArrowLeft ArrowRight ArrowUp ArrowDown"
        onKeyDown={(event) => pressed(event, drawing.current!)}
      >
        <canvas ref={canvas} />
      </div>
      <div class="map-buttons" role="group" aria-label="Map view">
        <button type="button" title="Zoom in (+)" aria-label="Zoom in" onClick={() => drawing.current!.zoom(1.3)}>+</button>
        <button type="button" title="Zoom out (-)" aria-label="Zoom out" onClick={() => drawing.current!.zoom(1 / 1.3)}>−</button>
        <button type="button" title="Fit all (0)" onClick={() => drawing.current!.fit()}>Fit</button>
        <button type="button" title="Find new places for all ends" onClick={() => drawing.current!.arrange()}>Arrange anew</button>
        <button type="button" title="Save the map as a PNG picture" onClick={() => void savePng(drawing.current!, shown)}>PNG</button>
        <button type="button" title="Save the map as an SVG drawing" onClick={() => saveSvg(drawing.current!, shown)}>SVG</button>
      </div>
      {hovered && <Hint hovered={hovered} answer={answer} measure={shown.measure} />}
    </>
  );
}

function pressed(event: KeyboardEvent, drawing: Drawing): void {
  const steps: Record<string, [number, number]> = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
  const step = steps[event.key];
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "+" || event.key === "=") drawing.zoom(1.3);
  else if (event.key === "-") drawing.zoom(1 / 1.3);
  else if (event.key === "0") drawing.fit();
  else if (event.key === "Escape") go({ selected: "", focus: "" });
  else if (step) drawing.pan(step[0], step[1]);
  else return;
  event.preventDefault();
}

function Hint({ hovered, answer, measure }: { hovered: Hovered; answer: MapAnswer; measure: Measure }) {
  const seconds = Math.max(answer.until - answer.since, 1);
  const edge = answer.edges.find((one) => edgeId(one) === hovered.id);
  const node = answer.nodes.find((one) => one.id === hovered.id);
  if (!edge && !node) return null;
  return (
    <div class="map-hint" style={{ left: `${hovered.x}px`, top: `${hovered.y}px` }} aria-hidden="true">
      {edge ? (
        <>
          <b>{endName(edge.client)} → {endName(edge.server)}</b>
          <br />{rate(edge.bytes_to_server + edge.bytes_to_client, seconds)} · {SCALES[measure].title}: {valueText(measure, edge)}
          {edge.is_new && <><br />new in this range</>}
        </>
      ) : (
        <>
          <b>{endName(node!.id)}</b>
          <br />sent {rate(node!.bytes_sent, seconds)}, received {rate(node!.bytes_received, seconds)}
          <br />double click: only its neighbours
        </>
      )}
    </div>
  );
}
