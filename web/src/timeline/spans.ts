import type { TimelineEvent } from "./model";
import { said, taskOf } from "./texts";

/** Something that lasted: an event that starts it and one that ends it. */
export interface Span {
  start: TimelineEvent;
  /** null: it has not ended, as far as is known; only a task's process is told of so. */
  end: TimelineEvent | null;
  /** What lasted: the text without its verb. */
  subject: string;
  failed: boolean;
}

/**
 * Pairs starts with their ends. They belong together when client, service,
 * function and subject are the same, by preference also trace or execution; of
 * several, the oldest that is open. `Error!` ends the client or server that it
 * comes from. Events must be sorted by time.
 */
export function pairSpans(events: readonly TimelineEvent[]): Span[] {
  const open = new Map<string, TimelineEvent[]>();
  const spans: Span[] = [];
  for (const e of events) {
    const { phase, subject } = e.text === "Error!" ? crash(e) : said(e.text);
    if (phase === "single") continue;
    const key = JSON.stringify([e.client, e.service, e.fn, subject]);
    const waiting = open.get(key) ?? [];
    if (phase === "start") {
      waiting.push(e);
      open.set(key, waiting);
      continue;
    }
    const at = partner(waiting, e);
    const start = waiting[at];
    if (!start) continue;
    waiting.splice(at, 1);
    spans.push({ start, end: e, subject, failed: phase === "failed" });
  }
  for (const [, waiting] of open) {
    const last = waiting.at(-1);
    if (last && isProcess(last)) spans.push({ start: last, end: null, subject: said(last.text).subject, failed: false });
  }
  return spans.sort((a, b) => a.start.time - b.start.time);
}

/** Whether an event is about the life of a task's own process. */
const isProcess = (e: TimelineEvent) => e.fn === "main" && /^(Started|Finished|Ended) (client|server)$/.test(e.text);

const crash = (e: TimelineEvent) => ({
  phase: "failed" as const,
  subject: e.service.includes("server") ? "server" : "client",
});

/** Which of the open starts an event ends; -1: none. */
function partner(waiting: TimelineEvent[], end: TimelineEvent): number {
  const same = (field: "execution" | "trace") => waiting.findIndex((s) => s[field] !== "" && s[field] === end[field]);
  for (const field of ["execution", "trace"] as const) {
    const at = same(field);
    if (at >= 0) return at;
  }
  return waiting.findIndex(
    (s) =>
      (s.execution === "" || end.execution === "") &&
      (s.fn === "main" || s.trace === "" || end.trace === "") &&
      (taskOf(s) === "" || taskOf(end) === "" || taskOf(s) === taskOf(end)),
  );
}

/**
 * Puts spans of one lane on rows so that none hides another: each on the first
 * row that is free at its start, at most `most` rows (the last one shares).
 * Returns the row of each, in the order given, which must be by start.
 */
export function stackSpans(spans: readonly Span[], most: number): number[] {
  const free: number[] = [];
  return spans.map((span) => {
    const until = span.end?.time ?? Infinity;
    let row = free.findIndex((t) => t <= span.start.time);
    if (row < 0) row = free.length < most ? free.length : most - 1;
    free[row] = Math.max(free[row] ?? -Infinity, until);
    return row;
  });
}
