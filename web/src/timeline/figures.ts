import type { TimelineEvent } from "./model";

/** A figure: the time from one event to another, by their texts. */
export interface FigureStep {
  name: string;
  from: string;
  to: string;
  /** What the Python original published, in seconds: a range, or one value twice. */
  original?: [number, number];
}

/** A figure with what it took; seconds is null when one of its events is not there. */
export interface Figure extends FigureStep {
  seconds: number | null;
  start?: TimelineEvent;
  end?: TimelineEvent;
}

export const experiment1: FigureStep[] = [
  { name: "1) registering a task", from: "Started registering a task", to: "Finished task creation", original: [0.033, 0.033] },
  { name: "2) starting a task at the cloud", from: "Started starting a task", to: "Finished server task initialization", original: [0.012, 0.012] },
  { name: "3) updating client info", from: "Started getting client stats for sending", to: "Finished updating user info", original: [0.04, 0.05] },
  { name: "4) requesting a task", from: "Started requesting task", to: "Finished requesting task", original: [0.022, 0.025] },
  { name: "5) downloading a task", from: "Started downloading task", to: "Finished downloading task", original: [0.019, 0.019] },
  { name: "6) starting a task at the client", from: "Started client task initialization", to: "Started client", original: [5.2, 5.6] },
  { name: "7) finishing a task at the client", from: "Finished client", to: "Finished handling task 4fe5 finalization", original: [0.75, 0.75] },
];

export const experiment2: FigureStep[] = [
  { name: "1) starting task E", from: "Started client task initialization", to: "Started client", original: [5.2, 5.6] },
  { name: "2) time to the bug", from: "Started client", to: "Error!" },
  { name: "3) handling the error", from: "Error!", to: "Finished handling error from task E", original: [0.75, 0.82] },
  { name: "4) requesting the next task", from: "Started requesting task", to: "Finished requesting task", original: [0.04, 0.06] },
  { name: "5) downloading the next task", from: "Started downloading task", to: "Finished downloading task", original: [0.017, 0.024] },
  { name: "6) starting task C", from: "Started client task initialization", to: "Started client", original: [5.2, 5.6] },
  { name: "7) from Error! to task C's process", from: "Error!", to: "Finish client task initialization", original: [1.9, 1.9] },
];

/**
 * Reads figures from sorted events. The search goes forward: each figure begins
 * after the one before it began, as the result scripts of the original search.
 */
export function figuresOf(events: readonly TimelineEvent[], steps: readonly FigureStep[]): Figure[] {
  const find = (from: number, text: string) => {
    for (let i = from; i < events.length; i++) if (events[i]?.text === text) return i;
    return -1;
  };
  let at = 0;
  return steps.map((s, i) => {
    let from = find(at, s.from);
    if (from < 0 && i > 0) from = find(0, s.from); // a figure that spans the ones before it
    const to = from < 0 ? -1 : find(from + 1, s.to);
    const [start, end] = [events[from], events[to]];
    if (!start || !end) return { ...s, seconds: null };
    at = from + 1;
    return { ...s, seconds: end.time - start.time, start, end };
  });
}

/** An experiment whose story the events tell, with its figures. */
export interface Experiment {
  number: 1 | 2;
  title: string;
  figures: Figure[];
}

/** The experiments that events tell of: 2 when task E failed, 1 when 4fe5 was finished. */
export function experimentsIn(events: readonly TimelineEvent[]): Experiment[] {
  const has = (text: string) => events.some((e) => e.text === text);
  const found: Experiment[] = [];
  if (has("Finished handling task 4fe5 finalization")) {
    found.push({ number: 1, title: "A task's whole life (4fe5)", figures: figuresOf(events, experiment1) });
  }
  if (has("Finished handling error from task E")) {
    found.push({ number: 2, title: "A failure at the client: E, then C", figures: figuresOf(events, experiment2) });
  }
  return found;
}
