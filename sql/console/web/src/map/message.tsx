import type { ApiError } from "../api";
import { local } from "../parts/times";
import { go, state } from "../state";
import type { MapAnswer } from "../types";

interface Props {
  answer: MapAnswer | null;
  error: ApiError | null;
  waiting: boolean;
}

/** Says over the canvas why it is empty or old, and what to do. */
export function Message({ answer, error, waiting }: Props) {
  if (error) {
    return (
      <p class={`map-message ${answer ? "over" : ""}`} role="alert">
        {error.message} {error.away && (answer ? "What you see is the last answer; the map goes on by itself." : "The map goes on by itself.")}
      </p>
    );
  }
  if (!answer) return <p class="map-message" role="status">Asking who talks to whom …</p>;
  if (!answer.nodes.length) return <Empty />;
  if (waiting) return <p class="map-message over" role="status">Asking again …</p>;
  return null;
}

function Empty() {
  const { namespace, kind, zone, path, label, cluster } = state.value;
  const filtered = [namespace, kind, zone, path, label, cluster].some((one) => one.length > 0);
  return (
    <div class="map-message" role="status">
      <p>{filtered ? "Nothing that passes the filters was seen" : "Nothing was seen"} {when()}.</p>
      {filtered
        ? <button type="button" onClick={() => go({ namespace: [], kind: [], zone: [], path: [], label: [], cluster: "", selected: "", focus: "" })}>Take the filters off</button>
        : <p>Is an agent running? <code>flowatlas doctor</code> says what a host lacks.</p>}
      <button type="button" onClick={() => go({ range: "24h", since: "", until: "" })}>Look at the last 24 hours</button>
    </div>
  );
}

function when(): string {
  const { since, until, range } = state.value;
  if (since && until) return `from ${local(Number(since))} to ${local(Number(until))}`;
  const [, length, unit] = /^(\d+)([mhd])$/.exec(range) ?? [];
  const name = { m: "minute", h: "hour", d: "day" }[unit ?? ""];
  return name ? `in the last ${length === "1" ? name : `${length} ${name}s`}` : `in ${range}`;
}
