import { LOOKS, type Figure } from "./kinds";
import { bands, SCALES, width, type Measure } from "./scale";
import { bytesPerSecond } from "./units";

const KINDS: Figure[] = ["workload", "node", "service", "aws_service", "internet", "on_prem", "unknown", "others"];
const SPEEDS = [1024, 1024 ** 2, 100 * 1024 ** 2];

/** What colours, widths, dashes and shapes mean. */
export function Legend({ measure }: { measure: Measure }) {
  return (
    <details class="map-legend" open={innerWidth > 700}>
      <summary>Legend</summary>
      <h3>{SCALES[measure].title}</h3>
      <ul>
        {bands(measure).map(({ tone, text }) => (
          <li key={tone}><span class={`map-swatch tone-${tone}`} aria-hidden="true" />{text}</li>
        ))}
      </ul>
      <h3>Width: bytes per second</h3>
      <ul>
        {SPEEDS.map((speed) => (
          <li key={speed}><span class="map-swatch" style={{ height: `${width(speed)}px` }} aria-hidden="true" />{bytesPerSecond(speed)}</li>
        ))}
      </ul>
      <ul>
        <li><span class="map-swatch dashed" aria-hidden="true" />mostly between zones</li>
        <li><span class="map-swatch fresh" aria-hidden="true" />new in this range</li>
      </ul>
      <ul class="map-kinds">
        {KINDS.map((kind) => (
          <li key={kind}><Icon figure={kind} />{LOOKS[kind].title}</li>
        ))}
      </ul>
    </details>
  );
}

export function Icon({ figure }: { figure: Figure }) {
  const { colour, icon } = LOOKS[figure];
  return (
    <svg class="map-icon" viewBox="-3 -3 22 22" aria-hidden="true">
      <rect x="-3" y="-3" width="22" height="22" rx={figure === "workload" ? 11 : 5} style={{ fill: `var(${colour})` }} />
      <path d={icon} />
    </svg>
  );
}
