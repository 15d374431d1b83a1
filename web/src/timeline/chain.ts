import type { TimelineEvent } from "./model";
import type { Link } from "./links";
import type { Span } from "./spans";

/** An event of a chain: when, seen from the one before and from the selected one, and what it followed from. */
export interface Step {
  event: TimelineEvent;
  /** Seconds since the step before; 0 for the first. */
  after: number;
  /** Seconds since the selected event: negative before it. */
  from: number;
  /** Why it followed from its causes; "" for what has none here. */
  why: string;
  /** The chain's events that led to it. */
  causes: TimelineEvent[];
}

/** How many events a chain may have: an effect may reach hundreds of clients. */
export const longest = 200;

/**
 * What led to an event and what followed from it, in order of time: along links,
 * and through spans from end to start and from start to end.
 */
export function chainOf(selected: TimelineEvent, links: readonly Link[], spans: readonly Span[]): Step[] {
  const back = new Map<string, Link[]>();
  const forth = new Map<string, Link[]>();
  const add = (l: Link) => {
    push(back, l.to.key, l);
    push(forth, l.from.key, l);
  };
  for (const l of links) add(l);
  // After the links: of several reasons, that something ended is the least telling.
  for (const s of spans) if (s.end) add({ from: s.start, to: s.end, why: `${s.subject} ends` });

  const found = new Map([[selected.key, selected]]);
  walk((e) => back.get(e.key)?.map((l) => l.from));
  walk((e) => forth.get(e.key)?.map((l) => l.to));

  const events = [...found.values()].sort((a, b) => a.time - b.time);
  return events.map((event, i) => {
    const led = (back.get(event.key) ?? []).filter((l) => found.has(l.from.key));
    return {
      event,
      after: event.time - (events[i - 1] ?? event).time,
      from: event.time - selected.time,
      why: led[0]?.why ?? "",
      causes: [...new Set(led.map((l) => l.from))],
    };
  });

  function walk(next: (e: TimelineEvent) => TimelineEvent[] | undefined) {
    const queue = [selected];
    for (let e = queue.shift(); e && found.size < longest; e = queue.shift()) {
      for (const step of next(e) ?? []) {
        if (found.has(step.key) || found.size >= longest) continue;
        found.set(step.key, step);
        queue.push(step);
      }
    }
  }
}

function push(map: Map<string, Link[]>, key: string, link: Link) {
  const list = map.get(key);
  if (list) list.push(link);
  else map.set(key, [link]);
}
