import { usePolled } from "../parts/polled";
import { Link } from "../parts/link";
import { go, state, type View } from "../state";
import type { StatusAnswer } from "../types";
import { Banner } from "./banner";
import { CoverageBadge, Freshness } from "./badges";
import { Chips, FilterMenu } from "./filters";
import { RangePicker } from "./range";
import { Search } from "./search";
import { theme, turn } from "./theme";
import { VIEWS } from "./views";

export function Header() {
  const { view, cluster } = state.value;
  const { answer: status } = usePolled<StatusAnswer>("status", { cluster }, 5, true);
  const other = theme.value === "dark" ? "light" : "dark";
  return (
    <header class="head">
      <div class="head-row">
        <Link to={{ view: "map", selected: "" }} class="name">flowatlas</Link>
        <nav class="views" aria-label="Views">
          {(Object.keys(VIEWS) as View[]).map((name) => (
            <Link key={name} to={{ view: name, selected: "", sort: "", order: "desc", page: "" }} current={name === view}>{VIEWS[name]}</Link>
          ))}
        </nav>
        <div class="badges">
          <Freshness status={status} />
          <CoverageBadge />
          <button type="button" class="quiet" onClick={turn} aria-label={`Use ${other} colours`} title={`Use ${other} colours`}>
            {theme.value === "dark" ? "☀" : "☾"}
          </button>
        </div>
      </div>
      <div class="head-row asked">
        {(cluster || (status?.clusters.length ?? 0) > 1) && (
          <label>
            <span class="hidden">Cluster</span>
            <select value={cluster} onChange={(event) => go({ cluster: event.currentTarget.value, selected: "", focus: "", page: "" })}>
              <option value="">All clusters</option>
              {[...new Set([...(status?.clusters ?? []), cluster])].filter(Boolean).map((name) => <option key={name} value={name}>{name}</option>)}
            </select>
          </label>
        )}
        <RangePicker />
        <Search />
        <FilterMenu status={status} />
        <Chips />
      </div>
      <Banner />
    </header>
  );
}
