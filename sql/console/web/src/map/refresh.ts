import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get } from "../api";

export interface Polled<T> {
  /** The newest answer; while another question is being answered, that of the one before. */
  answer: T | null;
  error: ApiError | null;
  /** The answer is to another question than the present one. */
  waiting: boolean;
}

/** Asks, and while `everySeconds` is not null asks again so long after each answer. A question that
 *  has changed aborts the one before; a hidden tab asks nothing until it is seen again. */
export function usePolled<T>(path: string, parameters: Record<string, unknown>, everySeconds: number | null): Polled<T> {
  const [found, tell] = useState<Polled<T>>({ answer: null, error: null, waiting: true });
  const asked = JSON.stringify(parameters);
  const newest = useRef(asked);
  useEffect(() => {
    let timer = 0;
    let asking: AbortController | null = null;
    if (newest.current !== asked) tell((before) => ({ ...before, waiting: true }));
    newest.current = asked;

    const ask = async () => {
      asking?.abort();
      const mine = (asking = new AbortController());
      let failed = false;
      try {
        const answer = await get<T>(path, JSON.parse(asked) as Record<string, unknown>, mine.signal);
        if (!mine.signal.aborted) tell({ answer, error: null, waiting: false });
      } catch (error) {
        if (mine.signal.aborted) return;
        failed = true;
        const told = error instanceof ApiError ? error : new ApiError(0, String(error));
        tell((before) => ({ ...before, error: told, waiting: false }));
        if (!told.away && everySeconds === null) return; // the same question gets the same answer
      }
      if (mine.signal.aborted) return;
      asking = null;
      if (everySeconds !== null || failed) timer = window.setTimeout(ask, (everySeconds ?? 5) * 1000);
    };
    const look = () => {
      if (document.hidden) window.clearTimeout(timer);
      else if (everySeconds !== null && !asking) {
        window.clearTimeout(timer);
        void ask();
      }
    };
    void ask();
    document.addEventListener("visibilitychange", look);
    return () => {
      document.removeEventListener("visibilitychange", look);
      window.clearTimeout(timer);
      asking?.abort();
    };
  }, [path, asked, everySeconds]);
  return found;
}
