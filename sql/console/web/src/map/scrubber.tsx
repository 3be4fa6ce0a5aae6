import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { usePolled } from "../parts/polled";
import { local, tick } from "../parts/times";
import { rate } from "../parts/units";
import { go, live, scope, state } from "../state";
import type { TimelineAnswer } from "../types";
import { chosen, overview, stepped, type Window } from "./window";

const REFRESH_SECONDS = 30;
const PLAY_SECONDS = 1.5;

/** The throughput of the hours around, on which a window is dragged to be replayed. */
export function Scrubber() {
  const now = Math.floor(Date.now() / 1000);
  const window = chosen(state.value, now);
  const kept = useRef<Window | null>(null);
  const around = (kept.current = overview(window, now, live.value, kept.current));
  const { search, range, since, until, ...filters } = scope.value;
  const asked = live.value ? { range: `${Math.round((around.until - around.since) / 60)}m` } : around;
  const { answer, error } = usePolled<TimelineAnswer>("timeline", { ...filters, ...asked }, REFRESH_SECONDS);
  const [playing, play] = useState(false);

  useEffect(() => {
    if (!playing) return;
    const timer = setInterval(() => {
      const next = stepped(chosen(state.value, Math.floor(Date.now() / 1000)), Math.floor(Date.now() / 1000));
      if (next) replay(next);
      else {
        play(false);
        goLive();
      }
    }, PLAY_SECONDS * 1000);
    return () => clearInterval(timer);
  }, [playing]);

  const begin = () => {
    if (live.value) {
      const since = Math.max(around.since, answer?.points[0]?.time ?? 0); // not with hours of nothing
      replay({ since, until: Math.min(since + (window.until - window.since), now) });
    }
    play(!playing);
  };
  const step = (by: number) => {
    const length = (window.until - window.since) * by;
    if (window.until + length <= now) replay({ since: window.since + length, until: window.until + length });
    else goLive();
  };

  return (
    <section class="map-scrubber" aria-label="Time">
      <div class="map-scrubber-buttons">
        <button type="button" aria-label="Back by one window" title="Back by one window" onClick={() => step(-1)}>◀</button>
        <button type="button" aria-pressed={playing} onClick={begin}>{playing ? "Pause" : "Play"}</button>
        <button type="button" aria-label="Forward by one window" title="Forward by one window" disabled={live.value} onClick={() => step(1)}>▶</button>
        <button type="button" aria-pressed={live.value} disabled={live.value} onClick={() => { play(false); goLive(); }}>Live</button>
        <output>{live.value ? "live" : `${local(window.since)} to ${local(window.until)}`}</output>
      </div>
      {answer?.points.length ? <Chart answer={answer} window={window} live={live.value} />
        : <p class="map-scrubber-empty" role="status">{error?.message ?? (answer ? "Nothing was seen in these hours." : "Asking for the hours before …")}</p>}
    </section>
  );
}

function replay({ since, until }: Window): void {
  go({ since: String(Math.round(since)), until: String(Math.round(until)) }, true);
}

function goLive(): void {
  go({ since: "", until: "" });
}

function Chart({ answer, window, live }: { answer: TimelineAnswer; window: Window; live: boolean }) {
  const container = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  useEffect(() => {
    const here = container.current!;
    const colour = (name: string) => getComputedStyle(here).getPropertyValue(name).trim();
    const axis = { stroke: () => colour("--muted"), grid: { stroke: () => colour("--line"), width: 1 }, ticks: { show: false } };
    const made = (plot.current = new uPlot({
      width: here.clientWidth,
      height: 92,
      legend: { show: false },
      cursor: { y: false, drag: { x: true, y: false, setScale: false } },
      select: { show: true, left: 0, top: 0, width: 0, height: 0 },
      scales: { x: { range: () => [told.current.since, told.current.until] }, y: { range: (_, __, most) => [0, Math.max(most, 1) * 1.1] } },
      axes: [{ ...axis, size: 26, values: (_, marks, __, ___, step) => marks.map((mark) => tick(mark, step)) }, { ...axis, size: 70, values: (_, marks) => marks.map((mark) => rate(mark, 1)), splits: (_, __, ___, most) => [0, most / 2] }],
      series: [{}, { stroke: () => colour("--accent"), fill: () => colour("--map-area"), width: 1.5, points: { show: false } }, { stroke: () => colour("--bad"), width: 0, points: { show: true, size: 5, fill: () => colour("--bad") } }],
      hooks: {
        setSelect: [(of) => {
          if (of.select.width < 3) mark(of, latest.current, latestLive.current);
          else replay({ since: of.posToVal(of.select.left, "x"), until: of.posToVal(of.select.left + of.select.width, "x") });
        }],
      },
    }, data(answer), here));
    const held = (event: PointerEvent) => { holding.current = event.type === "pointerdown"; };
    here.addEventListener("pointerdown", held);
    addEventListener("pointerup", held);
    const resized = new ResizeObserver(() => {
      made.setSize({ width: here.clientWidth, height: 92 });
      mark(made, latest.current, latestLive.current);
    });
    resized.observe(here);
    return () => {
      resized.disconnect();
      removeEventListener("pointerup", held);
      made.destroy();
    };
  }, []);
  const holding = useRef(false); // what is being dragged out is not to be replaced by a refresh
  const told = useRef(answer); // all that was asked for is shown, also where nothing was seen
  told.current = answer;
  const latest = useRef(window);
  const latestLive = useRef(live);
  latest.current = window;
  latestLive.current = live;
  useEffect(() => plot.current!.setData(data(answer)), [answer]);
  useEffect(() => {
    if (!holding.current) mark(plot.current!, window, live);
  }, [answer, window.since, window.until, live]);
  return <div ref={container} class="map-timeline" role="img" aria-label="Throughput over the hours; drag over it to replay a part, or use the buttons before it" />;
}

/** Shows the window on the plot without telling its hook, which would replay it. */
function mark(plot: uPlot, { since, until }: Window, live: boolean): void {
  const left = Math.max(plot.valToPos(since, "x"), 0);
  const right = Math.min(plot.valToPos(live ? plot.scales.x!.max! : until, "x"), plot.over.clientWidth);
  plot.setSelect({ left, top: 0, width: Math.max(right - left, 2), height: plot.over.clientHeight }, false);
}

/** Throughput, and a mark where connections failed. */
function data(answer: TimelineAnswer): uPlot.AlignedData {
  const { points, step } = answer;
  return [
    points.map((one) => one.time),
    points.map((one) => one.bytes / step),
    points.map((one) => (one.connections_failed > 0 ? one.bytes / step : null)),
  ];
}
