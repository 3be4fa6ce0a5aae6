import { useState } from "preact/hooks";
import { kindName, pathName } from "../parts/names";
import { usePolled } from "../parts/polled";
import { go, state, type State } from "../state";
import type { LabelsAnswer, StatusAnswer } from "../types";

type Filter = "namespace" | "kind" | "zone" | "path";
const FILTERS: [Filter, string, keyof StatusAnswer][] = [
  ["namespace", "Namespace", "namespaces"], ["kind", "Kind", "kinds"], ["zone", "Zone", "zones"], ["path", "Path", "paths"],
];

const SECONDS = 60;

export function FilterMenu({ status }: { status: StatusAnswer | null }) {
  return (
    <details class="menu">
      <summary title="Show only what has one of these at either end">Filter</summary>
      <div class="menu-body">
        {FILTERS.map(([name, title, choices]) => (
          <label key={name}>{title}{" "}
            <select value="" onChange={(event) => { add(name, event.currentTarget.value); event.currentTarget.value = ""; }}>
              <option value="">choose …</option>
              {(status ? (status[choices] as string[]) : []).filter((value) => value && !state.value[name].includes(value)).map((value) => (
                <option key={value} value={value}>{shown(name, value)}</option>
              ))}
            </select>
          </label>
        ))}
        <LabelFilter keys={status?.label_keys ?? []} />
      </div>
    </details>
  );
}

function LabelFilter({ keys }: { keys: string[] }) {
  const [key, typed] = useState("");
  const submitted = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    add("label", `${key}=${new FormData(form).get("value")}`);
    form.reset();
    typed("");
  };
  return (
    <form class="label-filter" onSubmit={submitted}>
      <label>Label <input name="key" required list="label-keys" placeholder="key" pattern="[^=]+" autocomplete="off" onInput={(event) => typed(event.currentTarget.value)} /></label>
      <datalist id="label-keys">{keys.map((key) => <option key={key} value={key} />)}</datalist>
      <label><span class="hidden">Value of the label</span>= <input name="value" required list="label-values" placeholder="value" autocomplete="off" /></label>
      {keys.includes(key) && <LabelValues of={key} />}
      <button type="submit">Add</button>
    </form>
  );
}

/** The values that a label was seen with. */
function LabelValues({ of: key }: { of: string }) {
  const { answer } = usePolled<LabelsAnswer>("labels", { key, cluster: state.value.cluster }, SECONDS);
  const values = answer?.key === key ? answer.values : [];
  return <datalist id="label-values">{values.map((value) => <option key={value} value={value} />)}</datalist>;
}

/** The filters there are; each is removed by pressing it. */
export function Chips() {
  const chips = ([...FILTERS.map(([name]) => name), "label"] as (Filter | "label")[]).flatMap((name) =>
    state.value[name].map((value) => ({ name, value })));
  if (chips.length === 0) return null;
  return (
    <ul class="chips" aria-label="Filters">
      {chips.map(({ name, value }) => (
        <li key={`${name} ${value}`}>
          <button type="button" aria-label={`Remove the filter ${name} ${shown(name, value)}`} onClick={() => remove(name, value)}>
            <span class="muted">{name}</span> {shown(name, value)} <span aria-hidden="true">×</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function shown(name: string, value: string): string {
  return name === "kind" ? kindName(value) : name === "path" ? pathName(value) : value;
}

function add(name: Filter | "label", value: string): void {
  if (value && !state.value[name].includes(value)) go({ [name]: [...state.value[name], value], page: "" } as Partial<State>);
}

function remove(name: Filter | "label", value: string): void {
  go({ [name]: state.value[name].filter((one) => one !== value), page: "" } as Partial<State>);
}
