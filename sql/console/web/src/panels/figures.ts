import { count, rate, share, span, usd } from "../parts/units";
import type { Measures, Point } from "../types";

export interface Figure {
  title: string;
  hint?: string;
  value: (of: Measures) => number | null;
  shown: (value: number | null, seconds: number) => string;
  /** Whether more of it is worse, better, or neither. */
  more: "worse" | "better" | "neither";
}

export const FIGURES: Figure[] = [
  { title: "Health", hint: "100: nothing wrong; 0: broken", value: (of) => of.health, shown: (value) => (value === null ? "–" : Math.round(value).toString()), more: "better" },
  { title: "To the server", value: (of) => of.bytes_to_server, shown: (value, seconds) => rate(value ?? 0, seconds), more: "neither" },
  { title: "To the client", value: (of) => of.bytes_to_client, shown: (value, seconds) => rate(value ?? 0, seconds), more: "neither" },
  { title: "Round trip p50", value: (of) => of.rtt_p50, shown: span, more: "worse" },
  { title: "Round trip p95", value: (of) => of.rtt_p95, shown: span, more: "worse" },
  { title: "Connect p95", hint: "Until a connection was established", value: (of) => of.connect_p95, shown: span, more: "worse" },
  { title: "Retransmits", hint: "Of the TCP segments that both ends sent, SYNs included", value: (of) => of.retransmit_rate, shown: share, more: "worse" },
  { title: "Connections", hint: "Attempted", value: (of) => of.connections_attempted, shown: count, more: "neither" },
  { title: "Failed", hint: "Connections refused, timed out, reset or unreachable", value: (of) => of.connections_failed, shown: count, more: "worse" },
  { title: "Resets", value: (of) => of.resets, shown: count, more: "worse" },
  { title: "Dropped packets", value: (of) => of.dropped_packets, shown: count, more: "worse" },
  { title: "Cost", value: (of) => of.cost_usd, shown: usd, more: "worse" },
];

export interface Cause {
  name: Extract<keyof Measures & keyof Point, `connections_${string}` | "listen_overflows">;
  title: string;
  /** A CSS variable. */
  colour: string;
  /** As the server alone sees it: the other side of what its clients see, and not to be added to that. */
  served?: boolean;
}

/** What connections fail by. */
export const CAUSES: Cause[] = [
  { name: "connections_refused", title: "refused", colour: "--bad" },
  { name: "connections_timed_out", title: "timed out", colour: "--warn" },
  { name: "connections_unreachable", title: "unreachable", colour: "--violet" },
  { name: "connections_reset", title: "reset", colour: "--accent" },
  { name: "connections_half_open", title: "half-open", colour: "--teal", served: true },
  { name: "connections_handshake_reset", title: "handshake reset", colour: "--muted", served: true },
  { name: "listen_overflows", title: "listen queue overflow", colour: "--ink", served: true },
];

export interface Change {
  /** With a sign and a word: "+12 % up", "new", "same". */
  text: string;
  tone: "good" | "bad" | "";
}

/** A change of less than this share is called none. */
const NOTICED = 0.02;

export function change(now: number | null, before: number | null, more: Figure["more"]): Change {
  if (now === null || before === null) return { text: "–", tone: "" };
  if (Math.abs(now - before) <= NOTICED * Math.max(Math.abs(now), Math.abs(before))) return { text: "same", tone: "" };
  const up = now > before;
  const tone = more === "neither" ? "" : up === (more === "worse") ? "bad" : "good";
  if (before === 0) return { text: "up from 0", tone };
  const times = now / before;
  const size = times >= 10 ? `×${Math.round(times)}` : `${up ? "+" : "−"}${Math.abs((times - 1) * 100).toFixed(0)} %`;
  return { text: `${size} ${up ? "up" : "down"}`, tone };
}

