import { useEffect } from "preact/hooks";
import { Link } from "../parts/link";
import { EdgeName, onMap } from "../parts/ends";
import { endKind, endName } from "../parts/names";
import { usePolled } from "../parts/polled";
import { Said } from "../parts/said";
import { go, scope, state } from "../state";
import type { PanelAnswer } from "../types";
import { Charts } from "./charts";
import { Conversations } from "./conversations";
import { Headline } from "./headline";
import { Peers } from "./peers";
import { Shares } from "./shares";

/** All about the edge or end that is selected: beside the page, and on a phone below it. */
export function Panel({ selected }: { selected: string }) {
  const { range, since, until, cluster, namespace, kind, zone, path, label } = scope.value;
  const { view, ends } = state.value;
  const [client, server] = selected.split("|") as [string, string | undefined];
  const asked = { range, since, until, cluster, namespace, kind, zone, path, label };
  const found = usePolled<PanelAnswer>(
    server === undefined ? "end" : "edge",
    server === undefined ? { ...asked, id: client, ends } : { ...asked, client, server },
  );
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !(event.target instanceof Element && event.target.closest("input, select"))) shut();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);

  return (
    <aside class="panel" aria-label={server === undefined ? `About ${endName(client)}` : `About ${endName(client)} to ${endName(server)}`}>
      <div class="panel-head">
        <div>
          <p class="muted kind">{server === undefined ? endKind(client) : `${endKind(client)} to ${endKind(server)}`}</p>
          <h2>{server === undefined ? endName(client) : <EdgeName client={client} server={server} />}</h2>
        </div>
        <button type="button" class="quiet" aria-label="Close the panel" title="Close (Esc)" onClick={shut}>×</button>
      </div>
      <p class="panel-links">
        {view !== "map" && <Link to={onMap(client, server)}>Show on the map</Link>}
        {server === undefined && state.value.focus !== client && <Link to={{ ...onMap(client), focus: client }}>Only it and its neighbours</Link>}
        {server !== undefined && <><Link to={{ selected: client }}>About {endName(client)}</Link><Link to={{ selected: server }}>About {endName(server)}</Link></>}
      </p>
      <Said of={found}>
        {(answer) => (
          <>
            <Headline answer={answer} />
            <Charts answer={answer} />
            <Shares answer={answer} />
            {server === undefined && <Peers id={client} peers={answer.peers} />}
          </>
        )}
      </Said>
      {server !== undefined && !(found.error && !found.answer) && <Conversations client={client} server={server} />}
    </aside>
  );
}

/** The focus goes back to the page: what had it is gone. */
function shut(): void {
  go({ selected: "" });
  document.getElementById("main")?.focus({ preventScroll: true });
}
