/** An event of the timeline, flat, whether the history or a file told it. */
export interface TimelineEvent {
  /** Unique within what is loaded: the record's id, or its place in a file. */
  key: string;
  /** Unix seconds. */
  time: number;
  service: string;
  fn: string;
  text: string;
  /** The client that it happened at; "" at the cloud, and in files, that do not tell. */
  client: string;
  task: string;
  execution: string;
  /** W3C trace id, or "". */
  trace: string;
}

/** The parts of a history entry that the timeline reads. */
export interface EventEntry {
  id: string;
  seq?: number;
  time: number;
  client?: string;
  task?: string;
  execution?: string;
  trace?: string;
  event?: { service: string; function: string; event: string };
}

/** Flattens an entry of the history; null when it is no event. */
export function fromEntry(entry: EventEntry): TimelineEvent | null {
  if (!entry.event) return null;
  return {
    key: entry.id || `seq-${entry.seq}`,
    time: entry.time,
    service: entry.event.service,
    fn: entry.event.function,
    text: entry.event.event,
    client: entry.client ?? "",
    task: entry.task ?? "",
    execution: entry.execution ?? "",
    trace: entry.trace ?? "",
  };
}

const byTime = (a: TimelineEvent, b: TimelineEvent) => a.time - b.time;

/**
 * Merges events into sorted ones, each key once.
 * The usual case, events newer than all there are, costs only a copy.
 */
export function mergeEvents(sorted: TimelineEvent[], more: TimelineEvent[]): TimelineEvent[] {
  const known = new Set(sorted.map((e) => e.key));
  const fresh: TimelineEvent[] = [];
  for (const e of more) {
    if (known.has(e.key)) continue;
    known.add(e.key);
    fresh.push(e);
  }
  if (fresh.length === 0) return sorted;
  fresh.sort(byTime);
  const last = sorted.at(-1);
  const all = sorted.concat(fresh);
  if (last && fresh[0] && fresh[0].time < last.time) all.sort(byTime);
  return all;
}

/** The place of the first event at or after a time, in sorted events. */
export function firstAt(events: readonly TimelineEvent[], time: number): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (events[middle]!.time < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
