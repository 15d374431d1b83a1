import type { TimelineEvent } from "./model";

/** What a file held: events, or the figures of a report. */
export type Opened = { kind: "events"; name: string; events: TimelineEvent[] } | { kind: "report"; name: string; experiment: number | null; rows: ReportRow[] };

/** A figure of a report, in seconds. */
export interface ReportRow {
  figure: string;
  runs: number;
  mean: number | null;
  /** Half of the 95 % confidence interval. */
  ci: number | null;
  original: [number, number] | null;
  timesFaster: number | null;
}

/** Why a file was not opened, in words for its reader. */
export class NotOpened extends Error {}

/** What may be opened. */
export const maxBytes = 256 << 20;
export const maxEvents = 1_000_000;

const expected = "Expected is an events.json (an array of {time, service, function, event}), or a report of agata experiment.";

/** Reads a file's text: events.json, a page of /api/v1/events, a report as JSON, or expN_raw_times. */
export function openText(name: string, text: string): Opened {
  const body = text.replace(/^\uFEFF/, "").trim();
  if (body === "") throw new NotOpened(`${name} is empty. ${expected}`);
  if (body.startsWith("---- RESULTS ----")) return rawTimes(name, body);
  let data: unknown;
  try {
    data = JSON.parse(body);
  } catch (error) {
    throw new NotOpened(`${name} is not JSON (${error instanceof Error ? error.message : String(error)}). ${expected}`);
  }
  if (Array.isArray(data)) return { kind: "events", name, events: eventsFrom(name, data) };
  if (isObject(data) && Array.isArray(data.events)) return { kind: "events", name, events: eventsFrom(name, data.events) };
  if (isObject(data) && Array.isArray(data.figures)) return report(name, data, data.figures);
  throw new NotOpened(`${name} is JSON, but neither an array of events nor a report. ${expected}`);
}

function eventsFrom(name: string, list: unknown[]): TimelineEvent[] {
  if (list.length > maxEvents) {
    throw new NotOpened(`${name} has ${list.length.toLocaleString("en")} events; at most ${maxEvents.toLocaleString("en")} can be shown. Export a shorter time or one task.`);
  }
  const events = list.map((item, i) => {
    if (!isObject(item)) throw new NotOpened(`${name}: item ${i + 1} is no event but ${brief(item)}. ${expected}`);
    const inner = isObject(item.event) ? item.event : item; // an entry of the history wraps the event
    const time = item.time ?? inner.time;
    if (typeof time !== "number" || !Number.isFinite(time)) {
      throw new NotOpened(`${name}: item ${i + 1} has no number "time" (unix seconds): ${brief(item)}. ${expected}`);
    }
    for (const field of ["service", "function", "event"]) {
      if (typeof inner[field] !== "string") throw new NotOpened(`${name}: item ${i + 1} has no text "${field}": ${brief(item)}. ${expected}`);
    }
    const text = (value: unknown) => (typeof value === "string" ? value : "");
    return {
      key: `${i}`,
      time,
      service: text(inner.service),
      fn: text(inner.function),
      text: text(inner.event),
      client: text(item.client),
      task: text(item.task),
      execution: text(item.execution),
      trace: text(item.trace),
    };
  });
  return events.sort((a, b) => a.time - b.time);
}

function report(name: string, data: Record<string, unknown>, figures: unknown[]): Opened {
  const rows = figures.map((item, i): ReportRow => {
    if (!isObject(item) || typeof item.figure !== "string") {
      throw new NotOpened(`${name}: figure ${i + 1} has no name: ${brief(item)}. ${expected}`);
    }
    const number = (value: unknown) => (typeof value === "number" && Number.isFinite(value) ? value : null);
    const range = Array.isArray(item.original_seconds) ? item.original_seconds.map(number) : [];
    const [low, high] = range;
    return {
      figure: item.figure,
      runs: number(item.runs) ?? 1,
      mean: number(item.mean_seconds),
      ci: number(item.ci95_seconds),
      original: low != null && high != null ? [low, high] : null,
      timesFaster: number(item.times_faster),
    };
  });
  return { kind: "report", name, experiment: typeof data.experiment === "number" ? data.experiment : null, rows };
}

/** Reads expN_raw_times: blocks of `NAME = SECONDS seconds`, one a run. */
function rawTimes(name: string, body: string): Opened {
  const samples = new Map<string, number[]>();
  for (const line of body.split("\n")) {
    const match = /^(.+) = (\d+(?:\.\d+)?|Not found) seconds\s*$/.exec(line);
    if (!match) continue;
    const [, figure = "", seconds] = match;
    const list = samples.get(figure) ?? [];
    if (seconds !== "Not found") list.push(Number(seconds));
    samples.set(figure, list);
  }
  if (samples.size === 0) throw new NotOpened(`${name} has no figures. ${expected}`);
  const rows = [...samples].map(([figure, list]): ReportRow => {
    const mean = list.length ? list.reduce((a, b) => a + b, 0) / list.length : null;
    return { figure, runs: list.length, mean, ci: null, original: null, timesFaster: null };
  });
  const number = /exp(\d)/.exec(name)?.[1];
  return { kind: "report", name, experiment: number ? Number(number) : null, rows };
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** Reads a file that was picked or dropped. */
export async function openFile(file: File): Promise<Opened> {
  if (file.size > maxBytes) throw new NotOpened(`${file.name} has ${Math.round(file.size / (1 << 20))} MB; at most ${maxBytes >> 20} MB can be opened. Export a shorter time or one task.`);
  return openText(file.name, await file.text());
}
