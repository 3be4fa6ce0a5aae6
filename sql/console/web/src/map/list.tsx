import { useRef, useState } from "preact/hooks";
import { endName } from "../parts/names";
import { rate } from "../parts/units";
import { go, state } from "../state";
import type { MapAnswer } from "../types";
import { edgeId, figure } from "./kinds";
import { Icon } from "./legend";
import { badness, tone, valueText, type Measure } from "./scale";

type Order = "worst" | "largest" | "ends";
const TITLES: [Order, string][] = [["worst", "Worst"], ["largest", "Largest"], ["ends", "Ends"]];
/** Each list shows this many; the tables have all. */
const LONGEST = 40;

/** The map as a list, for keyboards, screen readers and those in a hurry: the arrow keys move, Enter
 *  selects, F shows only an end's neighbours, Escape clears. */
export function List({ answer, measure }: { answer: MapAnswer; measure: Measure }) {
  const [order, choose] = useState<Order>("worst");
  const [at, move] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const rows = order === "ends" ? ends(answer) : edges(answer, measure, order);
  const current = Math.min(at, Math.max(rows.length - 1, 0));

  const press = (event: KeyboardEvent) => {
    const row = rows[current];
    const to: Record<string, number> = { ArrowDown: current + 1, ArrowUp: current - 1, Home: 0, End: rows.length - 1 };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") go({ selected: "", focus: "" });
    else if (event.key.toLowerCase() === "f" && row && !row.id.includes("|")) go({ focus: row.id === state.value.focus ? "" : row.id });
    else if (event.key in to) {
      const next = Math.min(Math.max(to[event.key]!, 0), rows.length - 1);
      move(next);
      list.current?.querySelectorAll("button")[next]?.focus();
    } else return;
    event.preventDefault();
  };

  return (
    <section class="map-list" aria-label="The map as a list">
      <div role="group" aria-label="Order">
        {TITLES.map(([name, title]) => (
          <button type="button" key={name} aria-pressed={order === name} onClick={() => { choose(name); move(0); }}>{title}</button>
        ))}
      </div>
      <ul ref={list} onKeyDown={press}>
        {rows.map((row, index) => (
          <li key={row.id}>
            <button
              type="button"
              tabIndex={index === current ? 0 : -1}
              aria-pressed={state.value.selected === row.id}
              onFocus={() => move(index)}
              onClick={() => go({ selected: state.value.selected === row.id ? "" : row.id })}
            >
              {row.mark}
              <span class="map-list-name">{breakable(row.name)}</span>
              <span class="map-list-figure">{row.figure}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Names break after a slash where there is no room for them. */
function breakable(name: string) {
  return name.split("/").flatMap((part, at) => (at ? ["/", <wbr />, part] : [part]));
}

function edges(answer: MapAnswer, measure: Measure, order: Order) {
  const bytes = (edge: MapAnswer["edges"][number]) => edge.bytes_to_server + edge.bytes_to_client;
  const seconds = Math.max(answer.until - answer.since, 1);
  const sorted = [...answer.edges].sort((a, b) => {
    const [worse, better] = [badness(measure, b), badness(measure, a)];
    return (order === "worst" && worse !== better ? worse - better : 0) || bytes(b) - bytes(a);
  });
  return sorted.slice(0, LONGEST).map((edge) => ({
    id: edgeId(edge),
    name: `${endName(edge.client)} → ${endName(edge.server)}${edge.is_new ? " (new)" : ""}`,
    figure: order === "worst" ? valueText(measure, edge) : rate(bytes(edge), seconds),
    mark: <span class={`map-swatch tone-${tone(measure, edge)}`} aria-hidden="true" />,
  }));
}

function ends(answer: MapAnswer) {
  const seconds = Math.max(answer.until - answer.since, 1);
  const bytes = (node: MapAnswer["nodes"][number]) => node.bytes_sent + node.bytes_received;
  return [...answer.nodes].sort((a, b) => bytes(b) - bytes(a)).slice(0, LONGEST).map((node) => ({
    id: node.id,
    name: endName(node.id),
    figure: rate(bytes(node), seconds),
    mark: <Icon figure={figure(node)} />,
  }));
}
