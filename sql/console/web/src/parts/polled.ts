import { computed, signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get } from "../api";
import { live } from "../state";

export interface Polled<T> {
  /** The newest there is; while another question is asked, still the one before (`stale`). */
  answer: T | null;
  error: ApiError | null;
  stale: boolean;
}

/** Resources that do not answer, with the sentence that says so. */
const outages = signal<ReadonlyMap<string, string>>(new Map());
export const outage = computed(() => outages.value.values().next().value ?? "");

function tell(path: string, sentence: string | null): void {
  if ((outages.value.get(path) ?? null) === sentence) return;
  const next = new Map(outages.value);
  if (sentence === null) next.delete(path);
  else next.set(path, sentence);
  outages.value = next;
}

/** GET /api/PATH, again every `seconds` while live or `always`, and while what answers is away. A hidden
 *  page asks nothing, and at once when it is seen again. */
export function usePolled<T>(path: string, parameters: Record<string, unknown> = {}, seconds = 5, always = false): Polled<T> {
  const question = `${path} ${JSON.stringify(parameters)}`;
  const [found, keep] = useState<Polled<T> & { question: string; path: string }>({ answer: null, error: null, stale: false, question, path });
  const wanted = useRef(parameters);
  wanted.current = parameters;
  const goesOn = live.value || always;

  useEffect(() => {
    const gone = new AbortController();
    let timer = 0;
    let asking = false;
    let missed = false;
    const ask = async () => {
      clearTimeout(timer);
      missed = document.hidden;
      if (asking || missed) return;
      asking = true;
      let again = goesOn;
      try {
        const answer = await get<T>(path, wanted.current, gone.signal);
        keep({ answer, error: null, stale: false, question, path });
        tell(path, null);
      } catch (caught) {
        if (gone.signal.aborted) return;
        const error = caught instanceof ApiError ? caught : new ApiError(0, String(caught));
        again ||= error.away;
        tell(path, error.away ? error.message : null);
        keep((before) => ({
          answer: error.away && before.path === path ? before.answer : null, error, stale: false, question, path,
        }));
      }
      asking = false;
      if (again) timer = window.setTimeout(ask, seconds * 1000);
    };
    const seen = () => { if (!document.hidden && (missed || goesOn)) void ask(); };
    document.addEventListener("visibilitychange", seen);
    void ask();
    return () => {
      gone.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
      tell(path, null);
    };
  }, [question, goesOn, seconds]);

  if (found.question === question) return found;
  // Nothing of another resource is shown under this one's name.
  return { answer: found.path === path ? found.answer : null, error: null, stale: true };
}
