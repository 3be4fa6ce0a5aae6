import { EdgeLink } from "../parts/ends";
import { Link } from "../parts/link";
import { usePolled } from "../parts/polled";
import { Empty, Said } from "../parts/said";
import { Table } from "../parts/table";
import { Time } from "../parts/times";
import { bytes, count } from "../parts/units";
import { scope, state, type State } from "../state";
import type { ChangesAnswer } from "../types";

type Change = ChangesAnswer["changes"][number];
const AGAINST: [State["against"], string][] = [["before", "The range before"], ["week", "The same hours last week"]];
const SIGNS: Record<Change["change"], string> = { new: "+", vanished: "−", grown: "↑" };

export function Changes() {
  const { against } = state.value;
  const found = usePolled<ChangesAnswer>("changes", { ...scope.value, against });
  return (
    <>
      <nav class="tabs" aria-label="Against">
        {AGAINST.map(([name, text]) => <Link key={name} to={{ against: name }} current={name === against}>{text}</Link>)}
      </nav>
      <Said of={found}>
        {(answer) => (
          <>
            {answer.note && <Empty><p>{answer.note}</p></Empty>}
            {!answer.note && answer.changes.length === 0 && <Empty><p>Nothing new, vanished or grown: all goes as it did.</p></Empty>}
            {answer.changes.length > 0 && <Rows changes={answer.changes} />}
          </>
        )}
      </Said>
    </>
  );
}

function Rows({ changes }: { changes: Change[] }) {
  return (
    <Table caption="Changes" rows={changes} rowKey={(row) => `${row.change} ${row.client}|${row.server} ${row.protocol}${row.port}`} columns={[
      { name: "change", title: "Change", cell: (row) => <span class={`change-kind ${row.change}`}><span aria-hidden="true">{SIGNS[row.change]}</span> {row.change}</span> },
      { name: "edge", title: "Edge", cell: (row) => <EdgeLink client={row.client} server={row.server} /> },
      { name: "port", title: "Port", cell: (row) => (row.port ? `${row.protocol.toUpperCase()} ${row.port}` : row.protocol.toUpperCase() || "–") },
      { name: "bytes", title: "Bytes", figure: true, cell: (row) => bytes(row.bytes) },
      { name: "before", title: "Before", figure: true, cell: (row) => bytes(row.bytes_before) },
      { name: "connections", title: "Connections", figure: true, cell: (row) => count(row.connections) },
      { name: "first", title: "First seen", cell: (row) => (row.first_seen === null ? "–" : <Time at={row.first_seen} />) },
    ]} />
  );
}
