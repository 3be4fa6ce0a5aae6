import { state, type State } from "../state";
import type { EndId } from "../types";
import { Link } from "./link";
import { endKind, endName } from "./names";

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
