import type { MapEdge } from "../types";
import type { State } from "../state";
import { share, span, usd } from "../parts/units";

export type Measure = State["colour"];
/** How an edge is doing, from good to bad; "none": nothing was measured. */
export type Tone = "good" | "fair" | "warn" | "bad" | "none";

interface Scale {
  /** For choosing. */
  name: string;
  title: string;
  /** Of an edge; null: nothing was measured. */
  value(edge: MapEdge): number | null;
  /** An edge is the first tone whose bound its value does not pass. */
  steps: [Tone, number][];
  /** Values fall towards bad. */
  falling?: boolean;
  text(value: number): string;
}

export const SCALES: Record<Measure, Scale> = {
  health: {
    name: "Health",
    title: "Health, 0 to 100",
    value: (edge) => edge.health,
    steps: [["good", 90], ["fair", 70], ["warn", 40], ["bad", -Infinity]],
    falling: true,
    text: (value) => String(Math.round(value)),
  },
  retransmits: {
    name: "Retransmits",
    title: "Retransmitted segments",
    value: (edge) => edge.retransmit_rate,
    steps: [["good", 0.001], ["fair", 0.01], ["warn", 0.03], ["bad", Infinity]],
    text: share,
  },
  rtt: {
    name: "RTT p95",
    title: "Round trip, 95th percentile",
    value: (edge) => edge.rtt_p95,
    steps: [["good", 1000], ["fair", 10_000], ["warn", 100_000], ["bad", Infinity]],
    text: span,
  },
  failures: {
    name: "Failures",
    title: "Failed connections",
    value: (edge) => (edge.connections_attempted ? edge.connections_failed / edge.connections_attempted : null),
    steps: [["good", 0], ["fair", 0.01], ["warn", 0.05], ["bad", Infinity]],
    text: share,
  },
  cost: {
    name: "USD a month",
    title: "USD a month, at this pace",
    value: (edge) => edge.cost_usd_month,
    steps: [["good", 1], ["fair", 10], ["warn", 100], ["bad", Infinity]],
    text: usd,
  },
};

export function tone(measure: Measure, edge: MapEdge): Tone {
  const { value, steps, falling } = SCALES[measure];
  const found = value(edge);
  if (found === null) return "none";
  return steps.find(([, bound]) => (falling ? found >= bound : found <= bound))![0];
}

/** What a legend says beside each tone. */
export function bands(measure: Measure): { tone: Tone; text: string }[] {
  const { steps, falling, text } = SCALES[measure];
  const found = steps.map(([tone, bound], at) => {
    if (Number.isFinite(bound)) return { tone, text: bound === 0 ? "none" : falling ? `${text(bound)} or more` : `up to ${text(bound)}` };
    return { tone, text: `${falling ? "under" : "over"} ${text(steps[at - 1]![1])}` };
  });
  return [...found, { tone: "none" as Tone, text: "not measured" }];
}

/** How bad an edge is by a measure: the larger the worse, what was not measured least. */
export function badness(measure: Measure, edge: MapEdge): number {
  const found = SCALES[measure].value(edge);
  if (found === null) return -Infinity;
  return SCALES[measure].falling ? -found : found;
}

export function valueText(measure: Measure, edge: MapEdge): string {
  const found = SCALES[measure].value(edge);
  return found === null ? "not measured" : SCALES[measure].text(found);
}

export const WIDEST = 9;

/** Width of an edge in pixels, by the logarithm of its throughput in bytes a second: 1 up to
 *  100 B/s, WIDEST from 1 GB/s. In halves, so that a refresh changes few edges. */
export function width(bytesPerSecond: number): number {
  const share = (Math.log10(Math.max(bytesPerSecond, 1)) - 2) / 7;
  return Math.round((1 + (WIDEST - 1) * Math.min(Math.max(share, 0), 1)) * 2) / 2;
}
