import type { TimelineEvent } from "./model";

/** What an event's text says of its place in a span. */
export type Phase = "start" | "end" | "failed" | "single";

/** An event's text, read: "Finish client task initialization" ends "client task initialization". */
export interface Said {
  phase: Phase;
  subject: string;
}

const verbs: [RegExp, Phase][] = [
  [/^Started (.+)$/, "start"],
  [/^Finish(?:ed)? (.+)$/, "end"],
  [/^(?:Failed|Ended) (.+)$/, "failed"],
];

/** Reads a text; one without a verb of a span, such as "Started" alone, is single. */
export function said(text: string): Said {
  for (const [pattern, phase] of verbs) {
    const match = pattern.exec(text);
    if (match) return { phase, subject: match[1] ?? "" };
  }
  return { phase: "single", subject: text };
}

/** The task that a text names, or "". */
export function taskInText(text: string): string {
  const match =
    /^(?:Started|Finished) handling error from task (.+)$/.exec(text) ??
    /^(?:Started|Finished) handling task (.+) finalization$/.exec(text);
  return match?.[1] ?? "";
}

/** The task that an event is about, as far as it tells. */
export const taskOf = (e: TimelineEvent): string => e.task || taskInText(e.text);

/** How an event is to be seen: errors stand out, measurements recede. */
export type Tone = "error" | "good" | "model" | "measure" | "plain";

export function tone(e: TimelineEvent): Tone {
  if (/^(Error!|Failed |Ended |Interrupted)|handling error/.test(e.text)) return "error";
  if (measured(e) !== null) return "measure";
  if (e.fn === "model") return "model";
  if (/^Finished (client|server)$/.test(e.text)) return "good";
  return "plain";
}

/** The seconds that a measurement such as create_task_time tells (its text is nanoseconds); else null. */
export function measured(e: TimelineEvent): number | null {
  if (!e.fn.endsWith("_time") || !/^\d+$/.test(e.text)) return null;
  return Number(e.text) / 1e9;
}

/** A duration for people: 0.27 ms, 1.20 s, 3 min 5 s. */
export function duration(seconds: number): string {
  const s = Math.abs(seconds);
  const sign = seconds < 0 ? "−" : "";
  if (s === 0) return "0 ms";
  if (s < 0.01) return `${sign}${(s * 1000).toFixed(2)} ms`;
  if (s < 1) return `${sign}${(s * 1000).toFixed(s < 0.1 ? 1 : 0)} ms`;
  if (s < 60) return `${sign}${s.toFixed(s < 10 ? 2 : 1)} s`;
  const whole = Math.round(s);
  if (whole < 3600) return `${sign}${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${sign}${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${sign}${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

/** How long a span took, or what is known of that. */
export function took(s: { start: TimelineEvent; end: TimelineEvent | null; until?: number | null }): string {
  const end = s.end?.time ?? s.until;
  if (end != null) return duration(end - s.start.time);
  return s.until === null ? "runs" : "no end known";
}

/** An event's line in lists: measurements in words, long fractions cut. */
export function label(e: TimelineEvent): string {
  const seconds = measured(e);
  return seconds === null ? e.text.replace(/-?\d+\.\d{5,}/g, (n) => String(Number(Number(n).toPrecision(4)))) : `${e.fn.replace(/_time$/, "").replaceAll("_", " ")} took ${duration(seconds)}`;
}
