import { useMemo } from "preact/hooks";
import { endName } from "../parts/names";
import { usePolled } from "../parts/polled";
import { many } from "../parts/units";
import { go, scope, state } from "../state";
import type { MapAnswer } from "../types";
import { around } from "./around";
import { Canvas } from "./canvas";
import { Controls } from "./controls";
import { fold, MOST_NODES } from "./fold";
import { Legend } from "./legend";
import { List } from "./list";
import { Message } from "./message";
import { matches } from "./marks";
import { Scrubber } from "./scrubber";

export function Screen() {
  const { ends, focus, group, colour, limit } = state.value;
  const { search, ...asked } = scope.value; // on the map a search marks what it finds, and hides nothing
  const { answer, error, stale } = usePolled<MapAnswer>("map", { ...asked, ends, nodes: limit || MOST_NODES });
  const drawn = useMemo(() => (answer ? fold(around(answer, focus)) : null), [answer, focus]);
  const shown = useMemo(() => (drawn ? { answer: drawn, focus, group, measure: colour } : null), [drawn, group, colour]);

  return (
    <section class="map" aria-label="Service map">
      <Controls />
      {focus && (
        <p class="map-note">
          Only <b>{endName(focus)}</b> and its neighbours. <button type="button" onClick={() => go({ focus: "" })}>Show all</button>
        </p>
      )}
      {drawn && search && <p class="map-note" role="status">{many(matching(drawn, search), "end")} of {drawn.nodes.length} with “{search}”; the rest is dimmed.</p>}
      {drawn?.folded && <p class="map-note" role="note">{drawn.folded.sentence}</p>}
      <div class="map-body" aria-busy={stale}>
        <div class="map-stage">
          {shown && <Canvas shown={shown} />}
          <Message answer={drawn} error={error} waiting={stale} />
        </div>
        {drawn && <List answer={drawn} measure={colour} />}
      </div>
      <Legend measure={colour} />
      <Scrubber />
    </section>
  );
}

function matching(answer: MapAnswer, search: string): number {
  return answer.nodes.filter((node) => matches(node.id, search)).length;
}
