import type { Density } from "./density";
import { serviceName, type Lane } from "./lanes";
import type { TimelineEvent } from "./model";
import { endOf, stackSpans, type Span } from "./spans";
import { tone } from "./texts";
import { cluster, type Cluster } from "./thin";
import type { Window } from "./window";

/** Where things of a lane are, in pixels from the lane's top and the left edge. */
export interface SceneLane {
  name: string;
  top: number;
  height: number;
  spans: { x: number; width: number; row: number; span: Span }[];
  marks: Cluster<TimelineEvent>[];
  /** Instead of spans and marks, when there are too many events; share is 0 to 1. */
  bars: { x: number; width: number; share: number; count: number }[];
}

/** What is drawn: lanes one below the other. */
export interface Scene {
  lanes: SceneLane[];
  width: number;
  height: number;
}

export const row = 18;
export const bar = 14;
export const pad = 8;
const markRow = 16;
const barLane = 36;
/** Spans that overlap more than so deep share the last row. */
const deepest = 5;
/** Marks nearer than this are one. */
const gap = 7;

const weights = { error: 3, good: 2, model: 1, plain: 0, measure: -1 };

/** What has a mark of its own even when it ends a span. */
const isMark = (e: TimelineEvent) => e.text === "Error!";

/** Lays out lanes with all their spans and marks. `head` is the room above each lane for its name. */
export function sceneOf(lanes: readonly Lane[], w: Window, width: number, head: number): Scene {
  const x = (time: number) => ((time - w.from) / (w.to - w.from)) * width;
  let top = 0;
  const out = lanes.map((lane): SceneLane => {
    const rows = stackSpans(lane.spans, deepest);
    const inSpan = new Set<string>();
    const spans: SceneLane["spans"] = [];
    let most = 0;
    lane.spans.forEach((span, i) => {
      inSpan.add(span.start.key);
      if (span.end && !isMark(span.end)) inSpan.add(span.end.key);
      const left = Math.max(x(span.start.time), -10);
      const right = Math.min(x(endOf(span)), width + 10);
      if (right < 0 || left > width) return;
      most = Math.max(most, rows[i]! + 1);
      spans.push({ x: left, width: Math.max(right - left, 3), row: rows[i]!, span });
    });
    const single = lane.events.filter((e) => e.time >= w.from && e.time <= w.to && !inSpan.has(e.key) && tone(e) !== "measure");
    const marks = cluster(single, (e) => x(e.time), gap, (e) => weights[tone(e)]);
    const height = head + 2 * pad + Math.max(most * row + (marks.length > 0 ? markRow : 0), row);
    const here = { name: lane.name, top, height, spans, marks, bars: [] };
    top += height;
    return here;
  });
  return { lanes: out, width, height: top };
}

/** Lays out bars of how many events there are. Heights grow with the root: few beside many stay visible. */
export function densityScene(d: Density, w: Window, width: number, head: number): Scene {
  const scale = width / (w.to - w.from);
  const highest = Math.max(1, ...d.lanes.map((l) => Math.max(0, ...l.counts)));
  const lanes = d.lanes.map((lane, i): SceneLane => ({
    name: lane.name === "" ? "cloud" : serviceName(lane.name),
    top: i * (barLane + head),
    height: barLane + head,
    spans: [],
    marks: [],
    bars: lane.counts.flatMap((count, n) =>
      count === 0 ? [] : [{ x: (d.from + n * d.bucket_seconds - w.from) * scale, width: d.bucket_seconds * scale, share: Math.sqrt(count / highest), count }],
    ),
  }));
  return { lanes, width, height: lanes.length * (barLane + head) };
}

/** What lies at a place: a span, a mark, or how many events there are. */
export type Hit =
  | { kind: "span"; span: Span; event: TimelineEvent }
  | { kind: "mark"; mark: Cluster<TimelineEvent>; event: TimelineEvent }
  | { kind: "bar"; lane: string; count: number };

/** Where the middle of a lane's marks is, from the lane's top. */
export const markMiddle = (lane: SceneLane): number => lane.height - pad - markRow / 2;

/** Finds what was pointed at; marks and spans are easier to hit than they are big. */
export function hitAt(scene: Scene, x: number, y: number, head: number, slack = 5): Hit | null {
  const lane = scene.lanes.find((l) => y >= l.top && y < l.top + l.height);
  if (!lane) return null;
  const inside = y - lane.top;
  const near = lane.marks
    .filter((m) => Math.abs(m.x - x) <= slack + 2 && Math.abs(inside - markMiddle(lane)) <= markRow / 2 + 2)
    .sort((a, b) => Math.abs(a.x - x) - Math.abs(b.x - x))[0];
  if (near) return { kind: "mark", mark: near, event: near.item };
  const at = Math.floor((inside - head - pad) / row);
  const spans = lane.spans.filter((s) => s.row === at && x >= s.x - slack && x <= s.x + s.width + slack);
  const best = spans.sort((a, b) => away(a, x) - away(b, x) || a.width - b.width)[0];
  if (best) return { kind: "span", span: best.span, event: best.span.start };
  const bar = lane.bars.find((b) => x >= b.x && x < b.x + b.width);
  return bar ? { kind: "bar", lane: lane.name, count: bar.count } : null;
}

const away = (s: { x: number; width: number }, x: number) => Math.max(s.x - x, x - s.x - s.width, 0);

/** Where an event is drawn, for the lines of a chain; null: not here. */
export function placeOf(scene: Scene, w: Window, lanes: readonly Lane[], e: TimelineEvent, head: number): { x: number; y: number } | null {
  const at = lanes.findIndex((l) => l.events.some((x) => x.key === e.key));
  const lane = scene.lanes[at];
  if (!lane) return null;
  const x = ((e.time - w.from) / (w.to - w.from)) * scene.width;
  const own = isMark(e) ? undefined : lane.spans.find((s) => s.span.start.key === e.key || s.span.end?.key === e.key);
  return { x, y: lane.top + (own ? head + pad + own.row * row + bar / 2 : markMiddle(lane)) };
}
