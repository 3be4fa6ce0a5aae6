/** Numbers as people read them; every one that the map shows goes through here. */
const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function bytes(value: number): string {
  let step = 0;
  while (value >= 1024 && step < BINARY.length - 1) {
    value /= 1024;
    step += 1;
  }
  return `${step && value < 100 ? value.toFixed(1) : Math.round(value)} ${BINARY[step]}`;
}

export function bytesPerSecond(value: number): string {
  return `${bytes(value)}/s`;
}

export function microseconds(value: number): string {
  if (value < 1000) return `${Math.round(value)} µs`;
  if (value < 1e6) return `${(value / 1000).toFixed(value < 1e5 ? 1 : 0)} ms`;
  return `${(value / 1e6).toFixed(1)} s`;
}

export function share(value: number): string {
  const percent = value * 100;
  return `${percent === 0 || percent >= 10 ? Math.round(percent) : percent.toPrecision(2)} %`;
}

export function usd(value: number): string {
  if (value !== 0 && Math.abs(value) < 0.01) return "< $0.01";
  return `$${value < 100 ? value.toFixed(2) : Math.round(value).toLocaleString("en-US")}`;
}

export function count(value: number, one: string, many = `${one}s`): string {
  return `${value.toLocaleString("en-US")} ${value === 1 ? one : many}`;
}
