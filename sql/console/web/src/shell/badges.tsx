import { Link } from "../parts/link";
import { usePolled } from "../parts/polled";
import { lasting, utc } from "../parts/times";
import { share } from "../parts/units";
import type { CoverageAnswer, StatusAnswer } from "../types";

/** Below this some traffic is missing from every figure, and the badge says so. */
const ENOUGH = 0.999;
/** Windows close a little after they end; older than this, data has stopped coming. */
const LATE_SECONDS = 60;

export function CoverageBadge() {
  const { answer } = usePolled<CoverageAnswer>("coverage", {}, 15, true);
  const covered = answer?.covered ?? null;
  const low = covered !== null && covered < ENOUGH;
  return (
    <Link to={{ view: "coverage", selected: "", sort: "", page: "" }} class={low ? "badge warns" : "badge"} title="Share of the bytes that the kernels counted which is in the tables">
      {low && <span aria-hidden="true">⚠ </span>}
      {low && <span class="wordy">Only </span>}{share(covered)}<span class="wordy"> covered</span>
    </Link>
  );
}

export function Freshness({ status }: { status: StatusAnswer | null }) {
  if (!status) return <span class="badge" />;
  if (status.newest === null) return <span class="badge warns">No data yet</span>;
  const age = Math.max(0, status.now - status.newest);
  const late = age > LATE_SECONDS;
  return (
    <span class={late ? "badge warns" : "badge"} title={`The newest window begins at ${utc(status.newest)}`}>
      {late && <span aria-hidden="true">⚠ </span>}
      <span class="wordy">Newest data </span>{lasting(age)} {late ? "old" : "ago"}
    </span>
  );
}
