import { count, many } from "../parts/units";
import type { Measures, PanelAnswer } from "../types";
import { CAUSES, change, FIGURES, type Figure } from "./figures";

/** The figures now, before, and in the same hours last week. */
export function Headline({ answer }: { answer: PanelAnswer }) {
  const { now, before, last_week: week } = answer;
  const seconds = answer.until - answer.since;
  // A row of noughts says nothing.
  const told = FIGURES.filter(({ value }) => [now, before, week].some((one) => one && (value(one) ?? 0) !== 0));
  const causes = CAUSES.filter(({ name }) => now[name] > 0).map(({ name, title }) => `${count(now[name])} ${title}`);
  if (now.zero_windows > 0) causes.push(many(now.zero_windows, "zero window"));
  return (
    <section aria-label="Figures">
      <div class="scroll" role="region" aria-label="Figures now and before" tabIndex={0}>
        <table class="figures">
          <caption class="hidden">Figures now, in the range before, and in the same hours last week</caption>
          <thead>
            <tr>
              <th scope="col"><span class="hidden">Measure</span></th>
              <th scope="col" class="figure">Now</th>
              <th scope="col" class="figure" title="The range of equal length before">Before</th>
              <th scope="col" class="figure" title="The same hours a week ago">Last week</th>
            </tr>
          </thead>
          <tbody>
            {told.map((figure) => (
              <tr key={figure.title}>
                <th scope="row" title={figure.hint}>{figure.title}</th>
                <td class="figure now">{figure.shown(figure.value(now), seconds)}</td>
                <Was figure={figure} now={now} then={before} seconds={seconds} />
                <Was figure={figure} now={now} then={week} seconds={seconds} />
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {causes.length > 0 && <p class="causes">{causes.join(" · ")}</p>}
      {now.unpriced_bytes > 0 && <p class="muted">Some of the bytes have no known price, and are not in the cost.</p>}
    </section>
  );
}

function Was({ figure, now, then, seconds }: { figure: Figure; now: Measures; then: Measures | null; seconds: number }) {
  if (!then) return <td class="figure muted">not seen</td>;
  const { text, tone } = change(figure.value(now), figure.value(then), figure.more);
  return (
    <td class="figure">
      {figure.shown(figure.value(then), seconds)}
      <span class={`change ${tone}`}>{text}</span>
    </td>
  );
}
