import { endKind } from "../parts/names";
import { Link } from "../parts/link";
import { Table } from "../parts/table";
import { bytes } from "../parts/units";
import type { EndId, PanelAnswer } from "../types";

/** Whom the end talks to; each opens the edge between the two. */
export function Peers({ id, peers }: { id: EndId; peers: PanelAnswer["peers"] }) {
  if (peers.length === 0) return null;
  return (
    <section>
      <h3>Talks to</h3>
      <Table caption="Peers" rows={peers} rowKey={(row) => `${row.role} ${row.id}`} columns={[
        {
          name: "name", title: "Peer", cell: (row) => (
            <Link to={{ selected: row.role === "client" ? `${row.id}|${id}` : `${id}|${row.id}` }} title={endKind(row.id)}>{row.name || endKind(row.id)}</Link>
          ),
        },
        { name: "role", title: "It is the", cell: (row) => row.role },
        { name: "bytes", title: "Bytes", figure: true, cell: (row) => bytes(row.bytes) },
        { name: "health", title: "Health", figure: true, cell: (row) => Math.round(row.health) },
      ]} />
    </section>
  );
}
