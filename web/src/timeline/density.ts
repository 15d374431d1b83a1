import { byLane, laneOf, type LaneBy } from "./lanes";
import { firstAt, type TimelineEvent } from "./model";
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

/**
 * Counts sorted events of a window as the history would: the busiest `most`
 * lanes, in the order of lanes. It looks at each event once and copies none: a
 * file may have a million.
 */
export function densityOf(events: readonly TimelineEvent[], w: Window, by: LaneBy, buckets: number, most: number): Density {
  const width = (w.to - w.from) / buckets;
  const [first, end] = [firstAt(events, w.from), firstAt(events, w.to)];
  type Counted = ReturnType<typeof laneOf> & { total: number; counts: number[] };
  const lanes = new Map<string, Counted>();
  // By client and service first: making a lane's name for each event would take longest.
  const seen = new Map<string, Map<string, Counted>>();
  for (let i = first; i < end; i++) {
    const e = events[i]!;
    let ofClient = seen.get(e.client);
    if (!ofClient) seen.set(e.client, (ofClient = new Map()));
    let lane = ofClient.get(e.service);
    if (!lane) {
      const at = laneOf(e, by);
      lane = lanes.get(at.name) ?? { ...at, total: 0, counts: new Array<number>(buckets).fill(0) };
      lanes.set(at.name, lane);
      ofClient.set(e.service, lane);
    }
    const bucket = Math.min(buckets - 1, Math.floor((e.time - w.from) / width));
    lane.counts[bucket]! += 1;
    lane.total++;
  }
  const busiest = [...lanes.values()].sort((a, b) => b.total - a.total).slice(0, most);
  return {
    ...w,
    bucket_seconds: width,
    lanes: busiest.sort(byLane).map(({ name, total, counts }) => ({ name, total, counts })),
    other_lanes: lanes.size - busiest.length,
    total: end - first,
  };
}
