import { query } from "../api";
import { columnsOf, valueOf, type Cells } from "../parts/cells";
import { Sql } from "../parts/copy";
import { grainOf } from "../parts/ends";
import { Link } from "../parts/link";
import { endName } from "../parts/names";
import { Pager } from "../parts/pager";
import { usePolled } from "../parts/polled";
import { Empty, Said } from "../parts/said";
import { Table, type Column } from "../parts/table";
import { go, scope, state, type State } from "../state";
import type { TableAnswer } from "../types";

const SIZE = 50;
const TABLES: [State["table"], string][] = [["cluster", "Cluster"], ["aws", "AWS services"], ["external", "External"]];

export function Flows() {
  const { table, sort, order } = state.value;
  const page = Math.max(1, Number(state.value.page) || 1);
  const asked = { ...scope.value, ...(sort ? { sort, order } : {}) };
  const found = usePolled<TableAnswer>(`flows/${table}`, { ...asked, limit: SIZE, offset: (page - 1) * SIZE });
  const title = TABLES.find(([name]) => name === table)?.[1] ?? table;
  return (
    <>
      <nav class="tabs" aria-label="Tables">
        {TABLES.map(([name, text]) => <Link key={name} to={{ table: name, sort: "", order: "desc", page: "" }} current={name === table}>{text}</Link>)}
        <a class="tool" href={`/api/flows/${table}?${query({ ...asked, format: "csv" })}`} download={`flows-${table}.csv`}>CSV of all rows</a>
      </nav>
      <Said of={found}>
        {(answer) => (
          <>
            {answer.rows.length === 0 ? <Nothing page={page} /> : <Rows answer={answer} title={title} />}
            <Pager page={page} size={SIZE} total={answer.total} turned={(to) => go({ page: to === 1 ? "" : String(to) })} label="Pages of flows" />
            <Sql text={answer.sql} />
          </>
        )}
      </Said>
    </>
  );
}

function Rows({ answer, title }: { answer: TableAnswer; title: string }) {
  const { sort, order, selected } = state.value;
  const edge = (row: Cells) => `${valueOf(answer, row, "client_id")}|${valueOf(answer, row, "server_id")}`;
  const to = (row: Cells) => {
    const [client, server] = edge(row).split("|") as [string, string];
    return { selected: edge(row), ends: grainOf(client, server) || state.value.ends };
  };
  const sorted = (name: string) => go({ sort: name, order: sort === name && order === "desc" ? "asc" : "desc", page: "" });
  const columns: Column<Cells>[] = columnsOf(answer);
  const first = columns[0];
  if (first) {
    const { cell } = first;
    columns[0] = { ...first, cell: (row) => <Link to={to(row)} title={`All about ${edge(row).split("|").map(endName).join(" → ")}`}>{cell(row)}</Link> };
  }
  return (
    <Table
      caption={`Flows: ${title}`} columns={columns} rows={answer.rows} rowKey={(row) => JSON.stringify(row.filter((value) => typeof value === "string"))}
      sort={sort} order={order} sorted={sorted} opened={(row) => go(to(row))} current={(row) => edge(row) === selected}
    />
  );
}

function Nothing({ page }: { page: number }) {
  return (
    <Empty>
      {page > 1 ? <p>There are fewer pages now. <Link to={{ page: "" }}>Go to the first</Link></p> : (
        <p>No flows of this kind in this range. Choose a longer range, or remove filters and the search.</p>
      )}
    </Empty>
  );
}
