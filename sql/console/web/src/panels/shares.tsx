import { pathName } from "../parts/names";
import { Table } from "../parts/table";
import { bytes, count, share, usd } from "../parts/units";
import type { PanelAnswer } from "../types";

/** How the bytes divide: by zones, ways and ports, and why packets were dropped. */
export function Shares({ answer }: { answer: PanelAnswer }) {
  const drops = Object.entries(answer.drop_reasons).sort(([, a], [, b]) => b - a);
  return (
    <>
      {answer.zone_pairs.length > 0 && (
        <section>
          <h3>Zones</h3>
          <Table caption="Zone pairs" rows={answer.zone_pairs} rowKey={(row) => `${row.client_zone} ${row.server_zone}`} columns={[
            { name: "zones", title: "From → to", cell: (row) => `${row.client_zone || "–"} → ${row.server_zone || "–"}` },
            { name: "bytes", title: "Bytes", figure: true, cell: (row) => bytes(row.bytes) },
            { name: "rate", title: "Retransmits", figure: true, cell: (row) => share(row.retransmit_rate) },
            { name: "cost", title: "Cost", figure: true, cell: (row) => usd(row.cost_usd) },
          ]} />
        </section>
      )}
      {answer.paths.length > 0 && (
        <section>
          <h3>Paths</h3>
          <Table caption="Paths" rows={answer.paths} rowKey={(row) => `${row.path} ${row.gateway}`} columns={[
            { name: "path", title: "Path", cell: (row) => <>{pathName(row.path)}{row.gateway && <span class="muted"> by {row.gateway}</span>}</> },
            { name: "bytes", title: "Bytes", figure: true, cell: (row) => bytes(row.bytes) },
            { name: "cost", title: "Cost", figure: true, cell: (row) => usd(row.cost_usd) },
          ]} />
        </section>
      )}
      {answer.ports.length > 0 && (
        <section>
          <h3>Ports</h3>
          <Table caption="Ports" rows={answer.ports} rowKey={(row) => `${row.protocol} ${row.port}`} columns={[
            { name: "port", title: "Port", cell: (row) => `${row.protocol.toUpperCase()} ${row.port}` },
            { name: "bytes", title: "Bytes", figure: true, cell: (row) => bytes(row.bytes) },
          ]} />
        </section>
      )}
      {drops.length > 0 && (
        <section>
          <h3>Why packets were dropped</h3>
          <Table caption="Drop reasons" rows={drops} rowKey={([reason]) => reason} columns={[
            { name: "reason", title: "The kernel's reason", cell: ([reason]) => <code>{reason}</code> },
            { name: "packets", title: "Packets", figure: true, cell: ([, packets]) => count(packets) },
          ]} />
        </section>
      )}
    </>
  );
}
