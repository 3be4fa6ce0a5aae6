import type { State } from "../state";

/** From since to until, Unix seconds. */
export interface Window {
  since: number;
  until: number;
}

const UNITS: Record<string, number> = { m: 60, h: 3600, d: 86400 };
const SHORTEST_OVERVIEW = 6 * 3600;

export function rangeSeconds(range: string): number {
  const [, length, unit] = /^(\d+)([mhd])$/.exec(range) ?? [];
  return length ? Number(length) * UNITS[unit!]! : 900;
}

/** What the map shows; live it ends now. */
export function chosen(of: Pick<State, "range" | "since" | "until">, now: number): Window {
  const until = of.until ? Number(of.until) : now;
  return { since: of.since ? Number(of.since) : until - rangeSeconds(of.range), until };
}

/** What the time line shows: some of what was before and, when replaying, after. `last` is kept for
 *  as long as the window is well within, so that it does not run away under the pointer. */
export function overview(window: Window, now: number, live: boolean, last: Window | null): Window {
  const length = window.until - window.since;
  const span = Math.max(SHORTEST_OVERVIEW, Math.min(length * 4, 400 * 86400));
  if (live) return { since: now - span, until: now };
  const fits = last && last.since <= window.since && last.until >= window.until && last.until - last.since <= span * 4;
  if (fits) return last;
  const until = Math.min(now, Math.round(window.until + span / 3));
  return { since: until - span, until };
}

/** The window after this one, null when it would go beyond now. */
export function stepped(window: Window, now: number): Window | null {
  const step = Math.max(Math.round((window.until - window.since) / 5), 10);
  return window.until + step > now ? null : { since: window.since + step, until: window.until + step };
}
