import { state, type State } from "../state";
import type { EndId } from "../types";
import { Link } from "./link";

const KINDS: Record<string, string> = {
  pod: "pod", node: "node", service: "Service", aws_service: "AWS service", internet: "internet",
  on_prem: "on-prem", unknown: "unknown", others: "others", workload: "workload", namespace: "namespace",
};
const WAYS: Record<string, string> = {
  same_zone: "same zone", cross_zone: "cross zone", cross_region: "cross region", nat: "NAT gateway",
  gateway_endpoint: "gateway endpoint", interface_endpoint: "interface endpoint", aws_public: "AWS, public",
  internet: "internet", on_prem: "on-prem", unknown: "unknown",
};

export function kindName(kind: string): string {
  return KINDS[kind] ?? kind;
}

/** "nat>internet" is "NAT gateway → internet". */
export function pathName(path: string): string {
  return path.split(">").map((way) => WAYS[way] ?? way).join(" → ");
}

export function endKind(id: EndId): string {
  return kindName(id.slice(0, id.indexOf(":")));
}

export function endName(id: EndId): string {
  const name = id.slice(id.indexOf(":") + 1);
  if (!name) return endKind(id);
  return id.startsWith("others:") ? `others in ${name}` : name;
}

/** The grain of the map on which an end is; "" if it is on all. */
export function grainOf(...ids: EndId[]): State["ends"] | "" {
  const kinds = ids.map((id) => id.slice(0, id.indexOf(":")));
  return (["pod", "workload", "namespace"] as const).find((kind) => kinds.includes(kind)) ?? "";
}

/** What shows an end, or an edge, on the map. */
export function onMap(client: EndId, server?: EndId): Partial<State> {
  const ids = server === undefined ? [client] : [client, server];
  return { view: "map", selected: ids.join("|"), focus: "", sort: "", page: "", ends: grainOf(...ids) || state.value.ends };
}

export function EdgeLink({ client, server, title }: { client: EndId; server: EndId; title?: string }) {
  return <Link to={onMap(client, server)} class="edge-link" title={title ?? "Show on the map"}><EdgeName client={client} server={server} /></Link>;
}

export function EdgeName({ client, server }: { client: EndId; server: EndId }) {
  return (
    <>
      <span class="end" title={endKind(client)}>{endName(client)}</span>
      <span class="arrow"> → </span>
      <span class="end" title={endKind(server)}>{endName(server)}</span>
    </>
  );
}
