import { useEffect, useRef } from "preact/hooks";
import { MapView } from "../map/view";
import { Changes } from "../pages/changes";
import { Costs } from "../pages/costs";
import { Coverage } from "../pages/coverage";
import { Flows } from "../pages/flows";
import { Health } from "../pages/health";
import { Panel } from "../panels/panel";
import { state, type View } from "../state";
import { Header } from "./header";
import { VIEWS } from "./views";

const PAGES: Record<View, () => preact.JSX.Element> = {
  map: MapView, flows: Flows, health: Health, costs: Costs, changes: Changes, coverage: Coverage,
};

export function App() {
  const { view, selected } = state.value;
  const shown = view in PAGES ? view : "map";
  const Page = PAGES[shown];
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    document.title = `${VIEWS[shown]} · flowatlas`;
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
  }, [shown]);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>Skip to the content</a>
      <Header />
      <div class={selected ? "body beside" : "body"}>
        <main id="main" ref={main} tabIndex={-1} class={`view view-${shown}`}>
          <h1 class={shown === "map" ? "hidden" : undefined}>{VIEWS[shown]}</h1>
          <Page />
        </main>
        {selected && <Panel key={selected} selected={selected} />}
      </div>
    </>
  );
}
