import type { TimelineEvent } from "./model";
import { said, taskInText, taskOf } from "./texts";

/** Something that lasted: an event that starts it and one that ends it. */
export interface Span {
  start: TimelineEvent;
  /** null: it has not ended, as far as is known; only a task's process is told of so. */
  end: TimelineEvent | null;
  /** When a process without an end ended all the same, by its execution; null: it runs. Absent: not known. */
  until?: number | null;
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
  /** Ends the process of a task whose end its manager has dealt with: one that was killed says nothing. */
  const bury = (e: TimelineEvent, task: string) => {
    for (const waiting of open.values()) {
      const at = waiting.findIndex((s) => isProcess(s) && s.service === "task_client" && s.client === e.client && taskOf(s) === task);
      const start = waiting[at];
      if (!start) continue;
      waiting.splice(at, 1);
      spans.push({ start, end: e, subject: said(start.text).subject, failed: e.text.includes("error") });
    }
  };
  for (const e of events) {
    if (e.text.startsWith("Started handling ") && taskInText(e.text)) bury(e, taskInText(e.text));
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

/** When a span ended, in unix seconds; Infinity: it has not, or that is not known. */
export const endOf = (s: Span): number => s.end?.time ?? s.until ?? Infinity;

/** Fills in when processes ended that said nothing, from their executions: unix seconds, or null for one that runs. */
export function withEnds(spans: readonly Span[], ends: ReadonlyMap<string, number | null>): Span[] {
  return spans.map((s) => {
    const until = s.end ? undefined : ends.get(s.start.execution);
    return until === undefined ? s : { ...s, until };
  });
}

/**
 * Of events before a moment, the starts of processes that still ran then, as
 * those before and after it tell. All must be sorted.
 */
export function runningAt(moment: number, before: readonly TimelineEvent[], after: readonly TimelineEvent[]): TimelineEvent[] {
  const processes = before.filter((e) => e.fn === "main" && e.time < moment);
  return pairSpans([...processes, ...after])
    .filter((s) => s.start.time < moment && isProcess(s.start) && (s.end === null || s.end.time >= moment))
    .map((s) => s.start);
}

/**
 * Puts spans of one lane on rows so that none hides another: each on the first
 * row that is free at its start, at most `most` rows (the last one shares).
 * Returns the row of each, in the order given, which must be by start.
 */
export function stackSpans(spans: readonly Span[], most: number): number[] {
  const free: number[] = [];
  return spans.map((span) => {
    const until = endOf(span);
    let row = free.findIndex((t) => t <= span.start.time);
    if (row < 0) row = free.length < most ? free.length : most - 1;
    free[row] = Math.max(free[row] ?? -Infinity, until);
    return row;
  });
}
