import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ApiError } from "../api";
import type { Polled } from "./polled";

/** What an answer has to show, or why there is nothing: one of loading, error, empty, or the children. */
interface Given<T> {
  of: Polled<T>;
  /** A sentence if the answer holds nothing, null otherwise. */
  empty?: (answer: T) => ComponentChildren | null;
  children: (answer: T) => ComponentChildren;
}

export function Said<T>({ of, empty, children }: Given<T>) {
  if (of.error && !of.answer) return <Failed error={of.error} />;
  if (!of.answer) return <Skeleton />;
  const sentence = empty?.(of.answer) ?? null;
  if (sentence !== null) return <Empty>{sentence}</Empty>;
  return <div class="said" aria-busy={of.stale}>{children(of.answer)}</div>;
}

export function Failed({ error }: { error: ApiError }) {
  const advice = error.away
    ? "It is asked again every few seconds, and shows up by itself."
    : error.status === 404 || error.status === 422
      ? "Change the range or the filters above."
      : "Reload the page; if that does not help, the console's log says more.";
  return (
    <div class="note" role="alert">
      <p><strong>{error.message}</strong></p>
      <p>{advice}</p>
    </div>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <div class="note" role="status">{children}</div>;
}

/** Only after a while: a quick answer does not flicker. */
export function Skeleton({ lines = 6 }: { lines?: number }) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 200);
    return () => clearTimeout(timer);
  }, []);
  if (!late) return <div class="skeleton" aria-busy="true" />;
  return (
    <div class="skeleton" aria-busy="true" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, at) => <span key={at} style={{ width: `${92 - ((at * 17) % 40)}%` }} />)}
    </div>
  );
}
