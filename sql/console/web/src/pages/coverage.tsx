import { usePolled } from "../parts/polled";
import { Empty, Said } from "../parts/said";
import { Table } from "../parts/table";
import { bytes, count, share } from "../parts/units";
import type { CoverageAnswer } from "../types";

/** Where bytes can be lost, and what to do about it. */
const LOSSES: { of: (answer: CoverageAnswer) => number; said: (value: number) => string; advice: string }[] = [
  {
    of: (answer) => answer.lost_bytes,
    said: (value) => `${bytes(value)} were lost in the kernel's ring buffer`,
    advice: "The agent was too slow, or its buffer too small: give it more CPU, or a larger ring buffer.",
  },
  {
    of: (answer) => answer.dropped_bytes,
    said: (value) => `${bytes(value)} were dropped by the agents`,
    advice: "The spool was full while Kafka was away: look at Kafka first, then give the spool more room.",
  },
  {
    of: (answer) => answer.missing_batches,
    said: (value) => `${count(value)} batches were shipped, and did not arrive in the tables`,
    advice: "If that does not go away in a minute, look for dead letters, and at the stream's log; `flowatlas replay` brings them back.",
  },
];

export function Coverage() {
  const found = usePolled<CoverageAnswer>("coverage", {}, 5, true);
  const empty = (answer: CoverageAnswer) => answer.nodes.length === 0 ? <p>No agent has told anything yet. Is one running on each node? <code>flowatlas doctor</code> says what is missing.</p> : null;
  return <Said of={found} empty={empty}>{(answer) => <Shown answer={answer} />}</Said>;
}

function Shown({ answer }: { answer: CoverageAnswer }) {
  const lost = LOSSES.filter(({ of }) => of(answer) > 0);
  return (
    <>
      <p class="lead"><b>{share(answer.covered)}</b> of the bytes that the kernels counted are in the tables, of all that is kept. What the last seconds brought is still on its way.</p>
      <dl class="tiles">
        <div><dt>Counted by kernels</dt><dd>{bytes(answer.kernel_bytes)}</dd></div>
        <div><dt>In the tables</dt><dd>{bytes(answer.table_bytes)}</dd></div>
        <div><dt>Lost in ring buffers</dt><dd>{bytes(answer.lost_bytes)}</dd></div>
        <div><dt>Dropped by agents</dt><dd>{bytes(answer.dropped_bytes)}</dd></div>
        <div><dt>Batches missing</dt><dd>{count(answer.missing_batches)}</dd></div>
      </dl>
      <section>
        <h2>What is lost</h2>
        {lost.length === 0 && <Empty><p>Nothing is lost.</p></Empty>}
        <ul class="losses">
          {lost.map(({ of, said, advice }) => <li key={advice}><p><b>{said(of(answer))}.</b></p><p>{advice}</p></li>)}
        </ul>
      </section>
      <section>
        <h2>By node</h2>
        <Table caption="Coverage by node" rows={answer.nodes} rowKey={(row) => `${row.cluster} ${row.node}`} columns={[
          { name: "node", title: "Node", cell: (row) => <>{row.node}{row.cluster && <span class="muted"> in {row.cluster}</span>}</> },
          { name: "covered", title: "Covered", figure: true, cell: (row) => share(row.covered) },
          { name: "verdict", title: "Verdict", cell: (row) => row.verdict },
          { name: "kernel", title: "Kernel", figure: true, cell: (row) => bytes(row.kernel_bytes) },
          { name: "table", title: "Tables", figure: true, cell: (row) => bytes(row.table_bytes) },
          { name: "lost", title: "Lost", figure: true, cell: (row) => bytes(row.lost_bytes) },
          { name: "dropped", title: "Dropped", figure: true, cell: (row) => bytes(row.dropped_bytes) },
          { name: "missing", title: "Missing batches", figure: true, cell: (row) => count(row.missing_batches) },
          { name: "repeated", title: "Repeated", hint: "Batches that came twice; each counts once", figure: true, cell: (row) => count(row.repeated_batches) },
        ]} />
      </section>
    </>
  );
}
