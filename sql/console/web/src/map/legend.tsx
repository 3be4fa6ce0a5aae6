import { kindName } from "../parts/names";
import { rate } from "../parts/units";
import { LOOKS, type Figure } from "./kinds";
import { bands, SCALES, width, type Measure } from "./scale";
import { corners } from "./shapes";

const KINDS: Figure[] = ["workload", "node", "service", "aws_service", "internet", "on_prem", "unknown", "others"];
const SPEEDS = [1024, 1024 ** 2, 100 * 1024 ** 2];

/** What colours, widths, dashes and shapes mean. */
export function Legend({ measure }: { measure: Measure }) {
  return (
    <div class="map-legend">
      <dl>
        <dt>{SCALES[measure].title}</dt>
        {bands(measure).map(({ tone, text }) => (
          <dd key={tone}><span class={`map-swatch tone-${tone}`} aria-hidden="true" />{text}</dd>
        ))}
        <dd><span class="map-swatch dashed" aria-hidden="true" />mostly between zones</dd>
        <dd><span class="map-swatch fresh" aria-hidden="true" />new in this range</dd>
      </dl>
      <details>
        <summary>Widths and shapes</summary>
        <dl>
          <dt>Width</dt>
          {SPEEDS.map((speed) => (
            <dd key={speed}><span class="map-swatch" style={{ height: `${width(speed)}px` }} aria-hidden="true" />{rate(speed, 1)}</dd>
          ))}
          {KINDS.map((kind) => (
            <dd key={kind}><Icon figure={kind} />{kindName(kind)}</dd>
          ))}
        </dl>
      </details>
    </div>
  );
}

export function Icon({ figure }: { figure: Figure }) {
  const { colour, icon } = LOOKS[figure];
  const fill = { fill: `var(${colour})` };
  const outline = corners(figure, { x: 8, y: 8 }, 9)?.map(({ x, y }) => `${x},${y}`).join(" ");
  return (
    <svg class="map-icon" viewBox="-3 -3 22 22" aria-hidden="true">
      {outline ? <polygon points={outline} style={fill} /> : <circle cx="8" cy="8" r="11" style={fill} />}
      <path d={icon} />
    </svg>
  );
}
