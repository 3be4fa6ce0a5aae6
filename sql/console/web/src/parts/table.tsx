import type { ComponentChildren } from "preact";

export interface Column<R> {
  name: string;
  title: string;
  /** Figures are set to the right. */
  figure?: boolean;
  /** Explains the column. */
  hint?: string;
  sortable?: boolean;
  cell: (row: R) => ComponentChildren;
  cellTitle?: (row: R) => string | undefined;
}

interface Given<R> {
  caption: string;
  columns: Column<R>[];
  rows: R[];
  rowKey: (row: R) => string;
  sort?: string;
  order?: "asc" | "desc";
  /** A header was pressed. */
  sorted?: (name: string) => void;
  /** A row was clicked; there is a link in it as well, for the keyboard. */
  opened?: (row: R) => void;
  /** The row whose panel is open. */
  current?: (row: R) => boolean;
}

/** A table that scrolls within itself, so that the page does not. */
export function Table<R>({ caption, columns, rows, rowKey, sort, order, sorted, opened, current }: Given<R>) {
  return (
    <div class="scroll" role="region" aria-label={caption} tabIndex={0}>
      <table>
        <caption class="hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => {
              const direction = sort !== column.name ? "none" : order === "asc" ? "ascending" : "descending";
              return (
                <th key={column.name} scope="col" class={column.figure ? "figure" : undefined} title={column.hint} aria-sort={column.sortable ? direction : undefined}>
                  {column.sortable && sorted ? (
                    <button type="button" onClick={() => sorted(column.name)}>
                      {column.title}<span class="sort" aria-hidden="true">{{ none: "↕", ascending: "↑", descending: "↓" }[direction]}</span>
                    </button>
                  ) : column.title}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)} class={opened ? "opens" : undefined} aria-current={current?.(row) ? "true" : undefined} onClick={opened && (() => opened(row))}>
              {columns.map((column) => (
                <td key={column.name} class={column.figure ? "figure" : undefined} title={column.cellTitle?.(row)}>{column.cell(row)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
