// One way to ask the API: JSON in and out, failures as ApiError.

/** A failure that the API, or the way to it, answered with; its texts are for the operator. */
export class ApiError extends Error {
  constructor(
    /** The HTTP status; 0 if the cloud could not be reached. */
    readonly status: number,
    /** For programs, such as "not_found"; "unreachable" with status 0. */
    readonly code: string,
    readonly detail: string,
    /** What to do; may be "". */
    readonly hint = "",
    /** Finds the request in the services' logs; may be "". */
    readonly correlationId = "",
    /** Messages of form fields at fault, by the field's name. */
    readonly fields: Record<string, string> = {},
  ) {
    super(detail);
    this.name = "ApiError";
  }
}

export type Query = Record<string, string | number | boolean | undefined | null>;

export interface Options {
  query?: Query | undefined;
  /** Sent as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
  /** Makes a repeated POST the same one; see newKey. */
  idempotencyKey?: string | undefined;
  /** Milliseconds, default 30 s; after them the request fails as unreachable. */
  timeout?: number;
}

export interface Reply<T> {
  data: T;
  status: number;
  etag: string;
  location: string;
}

/** A path with its query: what is undefined, null or "" is left out. */
export function url(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return text === "" ? path : `${path}?${text}`;
}

/** A fresh idempotency key: one for each thing that the operator wants done. */
export function newKey(): string {
  // randomUUID is there on HTTPS and localhost only; getRandomValues always is.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

/** Asks the API. Throws ApiError, or the signal's AbortError when it was given up. */
export async function request<T>(method: string, path: string, options: Options = {}): Promise<Reply<T>> {
  const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  if (options.idempotencyKey) headers["Idempotency-Key"] = options.idempotencyKey;
  const late = AbortSignal.timeout(options.timeout ?? 30_000);
  const signal = options.signal ? AbortSignal.any([options.signal, late]) : late;
  const init: RequestInit = { method, headers, signal };
  if (options.body !== undefined) init.body = JSON.stringify(options.body);
  try {
    const response = await fetch(url(path, options.query), init);
    const text = await response.text();
    if (!response.ok) throw problem(response.status, response.headers.get("Content-Type") ?? "", text);
    return {
      data: parse<T>(response.status, text),
      status: response.status,
      etag: response.headers.get("ETag") ?? "",
      location: response.headers.get("Location") ?? "",
    };
  } catch (error) {
    if (error instanceof ApiError) throw error;
    if (options.signal?.aborted) throw error;
    throw unreachable(late.aborted);
  }
}

function parse<T>(status: number, text: string): T {
  if (text === "") return undefined as T;
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new ApiError(status, "not_json", "The answer is not from AGATA's API.", "Check what stands between this page and the cloud gateway.");
  }
}

export function unreachable(late: boolean): ApiError {
  return new ApiError(
    0,
    "unreachable",
    late ? "The cloud gateway did not answer in time." : "The cloud gateway cannot be reached.",
    "Check that it runs (agata doctor) and try again; nothing is known of this request's outcome.",
  );
}

/** The error of a failed answer: an RFC 9457 problem, or whatever else came. */
export function problem(status: number, type: string, text: string): ApiError {
  if (type.includes("json")) {
    try {
      const body: unknown = JSON.parse(text);
      if (typeof body === "object" && body !== null) {
        const p = body as Record<string, unknown>;
        const words = (v: unknown): string => (typeof v === "string" ? v : "");
        const fields: Record<string, string> = {};
        if (typeof p.fields === "object" && p.fields !== null) {
          for (const [name, message] of Object.entries(p.fields)) fields[name] = String(message);
        }
        return new ApiError(
          status,
          words(p.code) || String(status),
          words(p.detail) || words(p.title) || `The cloud gateway answered ${status}.`,
          words(p.hint),
          words(p.correlation_id),
          fields,
        );
      }
    } catch {
      // not JSON in spite of its type: told as any other text
    }
  }
  const line = text.trim().split("\n", 1)[0] ?? "";
  return new ApiError(
    status,
    String(status),
    line !== "" && line.length < 200 && !line.startsWith("<") ? line : `The cloud gateway answered ${status}.`,
    status >= 502 && status <= 504 ? "The way to the cloud gateway is broken; it is tried again." : "",
  );
}

/** Whether an error is only that the request was given up. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/** An error as one line for a person. */
export function errorText(error: unknown): string {
  if (error instanceof ApiError) return error.hint ? `${error.detail} ${error.hint}` : error.detail;
  return error instanceof Error ? error.message : String(error);
}
