import { useRef } from "preact/hooks";
import { asInput, fromInput, local } from "../parts/times";
import { go, state } from "../state";

const RANGES: [string, string, string][] = [
  ["5m", "Live 5m", "The last 5 minutes"], ["15m", "15m", "The last 15 minutes"], ["1h", "1h", "The last hour"],
  ["24h", "24h", "The last day"], ["7d", "7d", "The last 7 days"],
];

export function RangePicker() {
  const { range, since, until } = state.value;
  const custom = since !== "" || until !== "";
  return (
    <div class="ranges">
      <div class="segments" role="group" aria-label="Range of time">
        {RANGES.map(([value, text, title]) => (
          <button key={value} type="button" title={title} aria-pressed={!custom && range === value} onClick={() => go({ range: value, since: "", until: "", page: "" })}>{text}</button>
        ))}
      </div>
      <Custom />
    </div>
  );
}

function Custom() {
  const { since, until } = state.value;
  const custom = since !== "" || until !== "";
  const menu = useRef<HTMLDetailsElement>(null);
  const now = Math.floor(Date.now() / 1000);
  const from = Number(since) || now - 3600;
  const to = Number(until) || now;
  const submitted = (event: SubmitEvent) => {
    event.preventDefault();
    const typed = new FormData(event.currentTarget as HTMLFormElement);
    const [begin, end] = [fromInput(String(typed.get("since"))), fromInput(String(typed.get("until")))];
    const last = (event.currentTarget as HTMLFormElement).elements.namedItem("until") as HTMLInputElement;
    last.setCustomValidity(Number(begin) < Number(end) ? "" : "It has to end after it begins.");
    if (!last.reportValidity()) return;
    go({ since: begin, until: end, page: "" });
    menu.current!.open = false;
  };
  return (
    <details class="menu" ref={menu}>
      <summary class={custom ? "on" : undefined} title="From and to, in local time">
        {custom ? `${local(from)} – ${until ? local(to) : "now"}` : "Custom"}
      </summary>
      <form class="menu-body" onSubmit={submitted} key={`${since}-${until}`}>
        <label>From <input type="datetime-local" name="since" required defaultValue={asInput(from)} /></label>
        <label>To <input type="datetime-local" name="until" required defaultValue={asInput(to)} onInput={(event) => event.currentTarget.setCustomValidity("")} /></label>
        <button type="submit">Show</button>
      </form>
    </details>
  );
}
