import { Chart, type Line } from "../parts/chart";
import { bytes, count, share, span, usd } from "../parts/units";
import type { PanelAnswer, Point } from "../types";
import { CAUSES } from "./figures";

export function Charts({ answer }: { answer: PanelAnswer }) {
  const { points, step } = answer;
  const times = points.map(({ time }) => time);
  const line = (title: string, colour: string, value: (of: Point) => number | null, dashed = false): Line => ({
    title, colour, dashed, values: points.map(value),
  });
  if (answer.points.length === 0) return <p class="muted">Nothing was seen in this range; choose a longer one.</p>;
  const some = (value: (of: Point) => number) => points.some((point) => value(point) > 0);
  const causes = CAUSES.filter(({ name }) => some((of) => of[name]));
  return (
    <section class="charts" aria-label="Over time">
      <Chart title="Throughput" binary times={times} unit={(value) => (value === null ? "–" : `${bytes(value)}/s`)} lines={[
        line("to server", "--accent", (of) => of.bytes_to_server / step), line("to client", "--good", (of) => of.bytes_to_client / step, true),
      ]} />
      <Chart title="Latency" times={times} unit={span} lines={[
        line("RTT p50", "--accent", (of) => of.rtt_p50), line("RTT p95", "--warn", (of) => of.rtt_p95), line("connect p95", "--muted", (of) => of.connect_p95, true),
      ]} />
      <Chart title="Retransmits" times={times} unit={share} lines={[line("of segments", "--bad", (of) => of.retransmit_rate)]} />
      <Chart title="Connections" times={times} unit={count} lines={[
        line("attempted", "--muted", (of) => of.connections_attempted, true), line("failed", "--bad", (of) => of.connections_failed),
      ]} />
      {causes.length > 0 && (
        <Chart title="Failures by cause" times={times} unit={count} lines={causes.map(({ name, title, colour, served }) => line(title, colour, (of) => of[name], served))} />
      )}
      {some((of) => of.resets + of.dropped_packets) && (
        <Chart title="Resets and drops" times={times} unit={count} lines={[
          line("resets", "--warn", (of) => of.resets), line("dropped packets", "--bad", (of) => of.dropped_packets, true),
        ]} />
      )}
      {some((of) => of.cost_usd) && <Chart title="Cost" times={times} unit={usd} lines={[line("USD", "--accent", (of) => of.cost_usd)]} />}
    </section>
  );
}
