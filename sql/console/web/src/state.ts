import { computed, signal } from "@preact/signals";

/** All of a view is in the URL's query, so that it can be sent to a colleague. */
export interface State {
  view: View;
  /** "15m" and the like; since/until (Unix seconds, "" = none) go before it. */
  range: string;
  since: string;
  until: string;
  cluster: string;
  namespace: string[];
  kind: string[];
  zone: string[];
  path: string[];
  label: string[];
  search: string;
  ends: "namespace" | "workload" | "pod";
  /** Boxes on the map. */
  group: "" | "namespace" | "zone" | "node";
  colour: "health" | "retransmits" | "rtt" | "failures" | "cost";
  /** So many ends are drawn one by one, the rest as "others"; "" leaves it to the console. */
  limit: string;
  /** Shown in the panel: "" or an end's id, or "client|server". */
  selected: string;
  /** Only this end and its neighbours. */
  focus: string;
  table: "cluster" | "aws" | "external";
  /** What Changes compares with. */
  against: "before" | "week";
  sort: string;
  order: "asc" | "desc";
  page: string;
}
export type View = "map" | "flows" | "health" | "costs" | "changes" | "coverage";

const DEFAULTS: State = {
  view: "map", range: "15m", since: "", until: "", cluster: "", namespace: [], kind: [], zone: [], path: [],
  label: [], search: "", ends: "workload", group: "namespace", colour: "health", limit: "", selected: "", focus: "",
  table: "cluster", against: "before", sort: "", order: "desc", page: "",
};

export const state = signal<State>(read(location.search));

/** Changes what is shown; `replace` where going back should not come here (typing, scrubbing). */
export function go(change: Partial<State>, replace = false): void {
  const next = { ...state.value, ...change };
  const url = `${location.pathname}${written(next)}`;
  if (replace) history.replaceState(null, "", url);
  else if (url !== location.pathname + location.search) history.pushState(null, "", url);
  state.value = next;
}

addEventListener("popstate", () => { state.value = read(location.search); });

/** What every request for data takes. */
export const scope = computed(() => {
  const { range, since, until, cluster, namespace, kind, zone, path, label, search } = state.value;
  return { range, since, until, cluster, namespace, kind, zone, path, label, search };
});

export const live = computed(() => state.value.until === "");

export function written(of: State): string {
  const found = new URLSearchParams();
  for (const name of Object.keys(DEFAULTS) as (keyof State)[]) {
    const value = of[name];
    if (Array.isArray(value)) value.forEach((one) => found.append(name, one));
    else if (value !== DEFAULTS[name]) found.set(name, value);
  }
  const text = found.toString();
  return text ? `?${text}` : "";
}

function read(text: string): State {
  const given = new URLSearchParams(text);
  const found: Record<string, unknown> = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS)) {
    if (!given.has(name)) continue;
    found[name] = Array.isArray(found[name]) ? given.getAll(name) : given.get(name);
  }
  return found as unknown as State;
}
