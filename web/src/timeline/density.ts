import type { TimelineEvent } from "./model";
import { lanesOf, type LaneBy } from "./lanes";
import { firstAt } from "./model";
import type { Window } from "./window";

/** How many events there are in each stretch of time, lane by lane. */
export interface Density {
  from: number;
  to: number;
  bucket_seconds: number;
  lanes: { name: string; total: number; counts: number[] }[];
  /** Lanes beyond those listed. */
  other_lanes: number;
  total: number;
}

/** Counts sorted events of a window as the history would: the busiest `most` lanes, in the order of lanes. */
export function densityOf(events: readonly TimelineEvent[], w: Window, by: LaneBy, buckets: number, most: number): Density {
  const within = events.slice(firstAt(events, w.from), firstAt(events, w.to));
  const width = (w.to - w.from) / buckets;
  const all = lanesOf(within, [], by).map((lane) => {
    const counts = new Array<number>(buckets).fill(0);
    for (const e of lane.events) {
      const at = Math.min(buckets - 1, Math.floor((e.time - w.from) / width));
      counts[at] = (counts[at] ?? 0) + 1;
    }
    return { name: lane.name, total: lane.events.length, counts };
  });
  const least = all.map((l) => l.total).sort((a, b) => b - a)[most - 1] ?? 0;
  const lanes = all.filter((l) => l.total >= least).slice(0, most);
  return { ...w, bucket_seconds: width, lanes, other_lanes: all.length - lanes.length, total: within.length };
}
