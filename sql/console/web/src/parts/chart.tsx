import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { theme } from "../shell/theme";
import { lasting, local, tick } from "./times";

export interface Line {
  title: string;
  /** A CSS variable, such as "--accent". */
  colour: string;
  values: (number | null)[];
  dashed?: boolean;
}

interface Given {
  title: string;
  times: number[];
  lines: Line[];
  unit: (value: number | null) => string;
  /** Round figures are those of bytes: powers of two. */
  binary?: boolean;
  height?: number;
}

const POWERS = Array.from({ length: 50 }, (_, at) => 2 ** at);

/** Lines over time. The highest and last figures are in its text as well, for who cannot see it. */
export function Chart({ title, times, lines, unit, binary = false, height = 120 }: Given) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [pointed, point] = useState<number | null>(null);
  const shape = lines.map((line) => `${line.title}${line.colour}`).join() + theme.value;
  const data = [times, ...lines.map((line) => line.values)] as uPlot.AlignedData;

  useEffect(() => {
    const into = box.current!;
    const ink = (name: string) => getComputedStyle(into).getPropertyValue(name).trim();
    const axis = { stroke: ink("--muted"), grid: { stroke: ink("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
    const made = new uPlot({
      width: into.clientWidth || 300,
      height,
      padding: [8, 8, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 6 } },
      scales: { y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] } },
      axes: [
        { ...axis, size: 24, space: 70, values: (_, ticks, __, ___, step) => ticks.map((at) => tick(at, step)) },
        { ...axis, size: 72, space: 28, ...(binary ? { incrs: POWERS } : {}), values: (_, ticks) => ticks.map(unit) },
      ],
      series: [
        {},
        ...lines.map((line) => ({
          label: line.title, stroke: ink(line.colour), width: 1.5, dash: line.dashed ? [5, 4] : undefined, points: { show: times.length < 2 }, spanGaps: false,
        })),
      ],
      hooks: { setCursor: [(of) => point(of.cursor.idx ?? null)] },
    }, data, into);
    plot.current = made;
    const resized = new ResizeObserver(() => {
      if (into.clientWidth) made.setSize({ width: into.clientWidth, height });
    });
    resized.observe(into);
    return () => { resized.disconnect(); made.destroy(); plot.current = null; };
  }, [shape]);

  useEffect(() => { plot.current?.setData(data); }, [JSON.stringify(data)]);

  const spoken = lines.map((line) => `${line.title}: at most ${unit(most(line.values))}, last ${unit(line.values.at(-1) ?? null)}`).join("; ");
  return (
    <figure class="chart">
      <figcaption>
        <span>{title}{pointed !== null && times[pointed] !== undefined && <span class="muted"> at {local(times[pointed])}</span>}</span>
        <span class="legend">
          {lines.map((line) => (
            <span key={line.title}><i style={{ borderTopColor: `var(${line.colour})`, borderTopStyle: line.dashed ? "dashed" : "solid" }} />{line.title} <b>{unit(line.values.at(pointed ?? -1) ?? null)}</b></span>
          ))}
        </span>
      </figcaption>
      <div ref={box} role="img" aria-label={`${title} over ${lasting((times.at(-1) ?? 0) - (times[0] ?? 0))}. ${spoken}`} style={{ height: `${height}px` }} />
    </figure>
  );
}

function most(values: (number | null)[]): number | null {
  const measured = values.filter((value): value is number => value !== null);
  return measured.length ? Math.max(...measured) : null;
}
