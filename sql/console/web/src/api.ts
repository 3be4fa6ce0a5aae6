import type { ErrorAnswer } from "./types";

/** An answer other than 200, or none at all (status 0). `message` is a sentence to show. */
export class ApiError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
  /** ClickHouse, or the console itself, is away: asking again may help. */
  get away(): boolean {
    return this.status === 0 || this.status === 503;
  }
}

/** GET /api/PATH. Values that are empty are left out; lists become repeated parameters. */
export async function get<T>(path: string, parameters: Record<string, unknown> = {}, signal?: AbortSignal): Promise<T> {
  const url = `/api/${path}?${query(parameters)}`;
  let response: Response;
  try {
    response = await fetch(url, { signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "The console does not answer: is `flowatlas console` still running?");
  }
  if (!response.ok) {
    const body = (await response.json().catch(() => null)) as ErrorAnswer | null;
    throw new ApiError(response.status, body?.detail ?? `The console answered ${response.status}.`);
  }
  return (await response.json()) as T;
}

export function query(parameters: Record<string, unknown>): string {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") found.append(name, String(one));
    }
  }
  return found.toString();
}
