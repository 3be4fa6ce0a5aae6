/** Figures as text. null is "–": nothing was measured. */
const NONE = "–";
const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function bytes(value: number | null): string {
  if (value === null) return NONE;
  let at = 0;
  let scaled = Math.abs(value);
  while (scaled >= 1023.95 && at < BINARY.length - 1) {
    scaled /= 1024;
    at += 1;
  }
  const text = at === 0 ? Math.round(scaled).toString() : digits(scaled);
  return `${value < 0 ? "−" : ""}${text} ${BINARY[at]}`;
}

export function rate(bytesOfRange: number, seconds: number): string {
  return seconds > 0 ? `${bytes(bytesOfRange / seconds)}/s` : NONE;
}

/** Microseconds. */
export function span(us: number | null): string {
  if (us === null) return NONE;
  if (us < 999.5) return `${Math.round(us)} µs`;
  if (us < 999_950) return `${digits(us / 1000)} ms`;
  return `${digits(us / 1e6)} s`;
}

/** A share of 0 to 1 in per cent: small ones keep two digits, and only all is 100 %. */
export function share(value: number | null): string {
  if (value === null) return NONE;
  const percent = value * 100;
  if (percent === 0) return "0 %";
  if (percent < 0.001) return "< 0.001 %";
  if (percent < 1) return `${Number(percent.toPrecision(2))} %`;
  if (percent < 99) return `${percent.toFixed(1)} %`;
  return value >= 1 ? "100 %" : `${Math.min(Math.floor(percent * 1000) / 1000, 99.999)} %`;
}

export function usd(value: number | null): string {
  if (value === null) return NONE;
  const size = Math.abs(value);
  const sign = value < 0 ? "−" : "";
  if (size === 0) return "$0";
  if (size < 0.000_001) return `${sign}< $0.000001`;
  if (size < 0.1) return `${sign}$${size.toFixed(1 - Math.floor(Math.log10(size)))}`;
  return `${sign}$${size.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

export function count(value: number | null): string {
  return value === null ? NONE : Math.round(value).toLocaleString("en-US");
}

/** "1 edge", "2 edges". */
export function many(value: number, one: string, more = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : more}`;
}

function digits(value: number): string {
  return value < 9.95 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : Math.round(value).toString();
}
