import { Sql } from "../parts/copy";
import { EdgeLink } from "../parts/ends";
import { pathName } from "../parts/names";
import { usePolled } from "../parts/polled";
import { Said } from "../parts/said";
import { Table, type Column } from "../parts/table";
import { Time } from "../parts/times";
import { bytes, usd } from "../parts/units";
import { scope } from "../state";
import type { CostsAnswer } from "../types";

interface Priced { bytes: number; cost_usd: number; cost_usd_month: number }
const MONEY: Column<Priced>[] = [
  { name: "bytes", title: "Bytes", figure: true, cell: (row) => bytes(row.bytes) },
  { name: "cost", title: "In this range", figure: true, cell: (row) => usd(row.cost_usd) },
  { name: "month", title: "A month", hint: "If it goes on like this for 730 hours", figure: true, cell: (row) => usd(row.cost_usd_month) },
];

export function Costs() {
  const found = usePolled<CostsAnswer>("costs", scope.value, 15);
  return <Said of={found}>{(answer) => <Shown answer={answer} />}</Said>;
}

function Shown({ answer }: { answer: CostsAnswer }) {
  const { month } = answer;
  return (
    <>
      <dl class="tiles">
        <div><dt>This month so far</dt><dd>{usd(month.so_far_usd)}</dd><dd class="muted">since <Time at={month.begins} /></dd></div>
        <div><dt>Forecast for the month</dt><dd>{usd(month.forecast_usd)}</dd><dd class="muted">if it goes on as it does</dd></div>
        <div><dt>Internet, by AWS's tiers</dt><dd>{usd(month.internet_tiered_usd)}</dd><dd class="muted">{usd(month.internet_flat_usd)} at the flat price</dd></div>
      </dl>
      {answer.unpriced_bytes > 0 && <p class="note" role="note">{bytes(answer.unpriced_bytes)} have no known price, and are in no sum.</p>}
      <section>
        <h2>What to change</h2>
        {answer.savings.length === 0 && <p class="muted">Nothing found that would save a cent a month.</p>}
        <ul class="savings">
          {answer.savings.map((saving) => (
            <li key={`${saving.finding} ${saving.change}`}>
              <p class="saving"><b>{usd(saving.usd_a_month)} a month</b> <span class="kind">{saving.finding}</span></p>
              <p>{saving.change}</p>
              <p class="muted">{saving.seen}</p>
              <Sql text={saving.evidence} summary="Evidence" />
            </li>
          ))}
        </ul>
      </section>
      <section>
        <h2>By path</h2>
        <Table<CostsAnswer["by_path"][number]> caption="Costs by path" rows={answer.by_path} rowKey={(row) => row.path} columns={[
          { name: "path", title: "Path", cell: (row) => pathName(row.path) }, ...MONEY,
        ]} />
      </section>
      <section>
        <h2>By namespace</h2>
        <Table<CostsAnswer["by_namespace"][number]> caption="Costs by namespace" rows={answer.by_namespace} rowKey={(row) => row.namespace} columns={[
          { name: "namespace", title: "Namespace", cell: (row) => row.namespace || "–" }, ...MONEY,
        ]} />
      </section>
      <section>
        <h2>By pair</h2>
        <Table<CostsAnswer["by_pair"][number]> caption="Costs by pair" rows={answer.by_pair} rowKey={(row) => `${row.client}|${row.server} ${row.path}`} columns={[
          { name: "pair", title: "Pair", cell: (row) => <EdgeLink client={row.client} server={row.server} /> },
          { name: "path", title: "Path", cell: (row) => pathName(row.path) }, ...MONEY,
        ]} />
      </section>
    </>
  );
}
