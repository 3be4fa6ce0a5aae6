import { useState } from "preact/hooks";
import { columnsOf } from "../parts/cells";
import { Sql } from "../parts/copy";
import { Pager } from "../parts/pager";
import { usePolled } from "../parts/polled";
import { Empty, Said } from "../parts/said";
import { Table } from "../parts/table";
import { scope } from "../state";
import type { EndId, TableAnswer } from "../types";

const SIZE = 20;

/** Which pod spoke with which, and how each was found out. */
export function Conversations({ client, server }: { client: EndId; server: EndId }) {
  const [page, turn] = useState(1);
  const [sort, setSort] = useState<{ sort: string; order: "asc" | "desc" }>({ sort: "", order: "desc" });
  const { search: _, ...asked } = scope.value;
  const found = usePolled<TableAnswer>("conversations", { ...asked, client, server, ...(sort.sort ? sort : {}), limit: SIZE, offset: (page - 1) * SIZE });
  const sorted = (name: string) => {
    turn(1);
    setSort({ sort: name, order: sort.sort === name && sort.order === "desc" ? "asc" : "desc" });
  };
  return (
    <section>
      <h3>Conversations</h3>
      <Said of={found}>
        {(answer) => (
          <>
            {answer.rows.length === 0 && <Empty><p>No conversation in this range: choose a longer one.</p></Empty>}
            <Table caption="Conversations" columns={columnsOf(answer)} rows={answer.rows} rowKey={(row) => JSON.stringify(row.filter((value) => typeof value === "string"))} {...sort} sorted={sorted} />
            <Pager page={page} size={SIZE} total={answer.total} turned={turn} label="Pages of conversations" />
            <Sql text={answer.sql} />
          </>
        )}
      </Said>
    </section>
  );
}
