/** Times are Unix seconds; they are shown as on the reader's clock, in UTC when pointed at. */
export function local(seconds: number): string {
  const time = new Date(seconds * 1000);
  const today = time.toDateString() === new Date().toDateString();
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  return today ? clock : `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${clock}`;
}

export function utc(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().replace("T", " ").slice(0, 19)} UTC`;
}

/** Beneath a chart whose ticks are `step` seconds apart: the day at midnight, otherwise the hour. */
export function tick(seconds: number, step: number): string {
  const time = new Date(seconds * 1000);
  const midnight = time.getHours() === 0 && time.getMinutes() === 0 && time.getSeconds() === 0;
  if (step >= 43200 || midnight) return `${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${two(time.getHours())}:${two(time.getMinutes())}${step < 60 ? `:${two(time.getSeconds())}` : ""}`;
}

export function lasting(seconds: number): string {
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

export function Time({ at }: { at: number }) {
  return <time dateTime={new Date(at * 1000).toISOString()} title={utc(at)}>{local(at)}</time>;
}

/** As an <input type="datetime-local"> has it. */
export function asInput(seconds: number): string {
  const time = new Date(seconds * 1000);
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}T${two(time.getHours())}:${two(time.getMinutes())}`;
}

/** "" if nothing, or nothing sensible, is typed. */
export function fromInput(text: string): string {
  const time = new Date(text).getTime();
  return Number.isNaN(time) ? "" : String(Math.floor(time / 1000));
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
