import { count } from "./units";

interface Given {
  /** From 1. */
  page: number;
  size: number;
  total: number;
  turned: (page: number) => void;
  label: string;
}

export function Pager({ page, size, total, turned, label }: Given) {
  const last = Math.max(1, Math.ceil(total / size));
  const first = total === 0 ? 0 : (page - 1) * size + 1;
  return (
    <nav class="pager" aria-label={label}>
      <span class="muted">{count(first)} to {count(Math.min(page * size, total))} of {count(total)}</span>
      <button type="button" disabled={page <= 1} onClick={() => turned(1)}>First</button>
      <button type="button" disabled={page <= 1} onClick={() => turned(page - 1)}>Previous</button>
      <button type="button" disabled={page >= last} onClick={() => turned(page + 1)}>Next</button>
      <button type="button" disabled={page >= last} onClick={() => turned(last)}>Last</button>
    </nav>
  );
}
