import { go, state, type State } from "../state";
import { SCALES } from "./scale";

const ENDS: [State["ends"], string][] = [["namespace", "Namespaces"], ["workload", "Workloads"], ["pod", "Pods"]];
const GROUPS: [State["group"], string][] = [["", "No boxes"], ["namespace", "Namespace"], ["zone", "Zone"], ["node", "Node"]];
const COLOURS = Object.entries(SCALES).map(([name, scale]) => [name, scale.name] as [State["colour"], string]);
/** How many ends are drawn one by one; the rest are put together. */
const LIMITS: [string, string][] = [["20", "largest 20"], ["50", "largest 50"], ["100", "largest 100"], ["", "all that fit"]];

/** What is drawn, and how. */
export function Controls() {
  const { ends, group, colour, limit } = state.value;
  return (
    <div class="map-controls" role="toolbar" aria-label="What the map shows">
      <fieldset>
        <legend>Ends</legend>
        {ENDS.map(([value, text]) => (
          <label key={value} class={ends === value ? "on" : ""}>
            <input type="radio" name="ends" checked={ends === value} onChange={() => go({ ends: value, selected: "", focus: "" })} />
            {text}
          </label>
        ))}
      </fieldset>
      <Choice title="Boxes" value={group} choices={GROUPS} chosen={(value) => go({ group: value })} />
      <Choice title="Colour" value={colour} choices={COLOURS} chosen={(value) => go({ colour: value })} />
      <Choice title="Show" value={limit} choices={LIMITS} chosen={(value) => go({ limit: value })} />
    </div>
  );
}

interface ChoiceProps<T extends string> {
  title: string;
  value: T;
  choices: [T, string][];
  chosen(value: T): void;
}

function Choice<T extends string>({ title, value, choices, chosen }: ChoiceProps<T>) {
  return (
    <label>
      <span>{title}</span>
      <select value={value} onChange={(event) => chosen(event.currentTarget.value as T)}>
        {choices.map(([name, text]) => <option key={name} value={name}>{text}</option>)}
      </select>
    </label>
  );
}
