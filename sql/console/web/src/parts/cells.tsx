import type { TableAnswer } from "../types";
import type { Column } from "./table";
import { Time } from "./times";
import { bytes, count, share, span, usd } from "./units";
import { pathName } from "./names";

export type Cells = (string | number | null)[];
type Described = TableAnswer["columns"][number];

/** stream/evidence.py has these words; docs/stream.md explains them. */
const METHODS: Record<string, string> = {
  pod_uid: "the reporting socket's cgroup: the pod itself",
  conntrack: "the client's node saw to which backend the Service's address was translated",
  cluster_ip: "a Service's address; which backend served was not seen",
  pod_ip: "the pod that had the address at the time",
  host_ip: "a node's address",
  vpc_endpoint: "an interface endpoint's address in the account's network",
  dns: "a name under which the address was given out",
  site_range: "a prefix listed as the site's own",
  ip_ranges: "AWS's ip-ranges.json",
  private_range: "a range that is not routed in the internet",
  public_range: "a public address of no list",
  none: "nothing told",
};
const CONFIDENCES: Record<string, string> = {
  high: "said of this very address, at this time, by who must know",
  medium: "one of few that it can be",
  low: "true in general, but says little of this very address",
  none: "nothing is known",
};

/** Columns of an answer to show: what ends with _id is for links only. */
export function columnsOf(answer: TableAnswer): Column<Cells>[] {
  return answer.columns.flatMap((column, at) => column.name.endsWith("_id") ? [] : [{
    name: column.name,
    title: column.title,
    figure: column.name === "health" || (column.unit !== "" && column.unit !== "time"),
    sortable: column.sortable,
    cell: (row: Cells) => cell(column, row[at] ?? null),
    cellTitle: (row: Cells) => explained(column.name, row[at] ?? null),
  }]);
}

/** The value of a column by its name, "" if there is none. */
export function valueOf(answer: TableAnswer, row: Cells, name: string): string {
  const at = answer.columns.findIndex((column) => column.name === name);
  return at < 0 ? "" : String(row[at] ?? "");
}

function cell(column: Described, value: string | number | null) {
  if (value === null || value === "") return "–";
  if (typeof value === "string") return /(^|_)(path|paths|way)$/.test(column.name) ? pathName(value) : value;
  if (column.name === "health") return Math.round(value);
  switch (column.unit) {
    case "bytes": return bytes(value);
    case "usd": return usd(value);
    case "us": return span(value);
    case "share": return share(value);
    case "count": return count(value);
    case "time": return <Time at={value} />;
    default: return String(value);
  }
}

function explained(name: string, value: string | number | null): string | undefined {
  if (typeof value !== "string") return undefined;
  if (name.endsWith("method")) return METHODS[value];
  if (name.endsWith("confidence")) return CONFIDENCES[value];
  return value.length > 30 ? value : undefined;
}
