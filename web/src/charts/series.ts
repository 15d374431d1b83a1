// What of a task's metrics is drawn: pure, so that hundreds of clients can be tested.
import type { Entry, Point, Series } from "../api/types";
import { thinLine } from "../timeline/thin";

export type Measure = "acc" | "loss";

/** The aggregate's key: no client has an empty id. */
export const aggregate = "";

/** Which clients get a line of their own. */
export interface Choice {
  /** best and worst: by their last value; all: every client, up to `most`. */
  mode: "best" | "worst" | "all";
  /** How many, for best and worst. */
  lines: number;
  /** Clients that get one in any case. */
  picked: string[];
}

/** More lines than this nobody can tell apart. */
export const most = 60;

export interface Line {
  /** The client's id, or `aggregate`. */
  key: string;
  name: string;
  /** One for each x; null where there is none. */
  ys: (number | null)[];
  last: number | null;
}

export interface ChartData {
  xs: number[];
  /** The aggregate first, if there is one. */
  lines: Line[];
  /** The lowest and highest of all clients, when not all have a line. */
  band: { low: (number | null)[]; high: (number | null)[] } | null;
  /** How many clients have values. */
  clients: number;
}

const valueOf = (p: Point, m: Measure): number | null => p[m] ?? null;

function lastValue(s: Series, m: Measure): number | null {
  const points = s.points ?? [];
  for (let i = points.length - 1; i >= 0; i--) {
    const v = valueOf(points[i]!, m);
    if (v !== null) return v;
  }
  return null;
}

const keyOf = (s: Series) => (s.side === "server" ? aggregate : s.client);

/** Puts the series of a measure on common x values: the aggregate, the chosen clients, and a band over all clients. */
export function chartData(series: readonly Series[], measure: Measure, choice: Choice): ChartData {
  const withValues = series.map((s) => ({ s, key: keyOf(s), last: lastValue(s, measure) })).filter((x) => x.last !== null);
  const server = withValues.filter((x) => x.key === aggregate);
  const clients = withValues.filter((x) => x.key !== aggregate);
  const better = measure === "acc" ? -1 : 1;
  const direction = choice.mode === "worst" ? -better : better;
  const ranked = clients.toSorted((a, b) => direction * (a.last! - b.last!) || byName(a.key, b.key));
  const chosen = new Set(ranked.slice(0, choice.mode === "all" ? most : choice.lines).map((x) => x.key));
  for (const c of choice.picked) chosen.add(c);
  const drawn = clients.filter((x) => chosen.has(x.key)).sort((a, b) => byName(a.key, b.key));

  const banded = drawn.length < clients.length;
  const places = new Map<number, number>();
  const xs: number[] = [];
  for (const { s } of banded ? withValues : [...server, ...drawn]) {
    for (const p of s.points ?? []) if (!places.has(p.x)) places.set(p.x, xs.push(p.x) - 1);
  }
  xs.sort((a, b) => a - b);
  xs.forEach((x, i) => places.set(x, i));

  const line = ({ s, key, last }: (typeof withValues)[number]): Line => {
    const ys = new Array<number | null>(xs.length).fill(null);
    for (const p of s.points ?? []) ys[places.get(p.x)!] = valueOf(p, measure);
    return { key, name: key === aggregate ? "Aggregate" : key, ys, last };
  };
  return {
    xs,
    lines: [...server.map(line), ...drawn.map(line)],
    band: banded ? bandOf(clients.map((c) => c.s), measure, xs.length, places) : null,
    clients: clients.length,
  };
}

function bandOf(series: Series[], measure: Measure, length: number, places: Map<number, number>) {
  const low = new Array<number | null>(length).fill(null);
  const high = new Array<number | null>(length).fill(null);
  for (const s of series) {
    for (const p of s.points ?? []) {
      const v = valueOf(p, measure);
      if (v === null) continue;
      const at = places.get(p.x)!;
      low[at] = Math.min(low[at] ?? v, v);
      high[at] = Math.max(high[at] ?? v, v);
    }
  }
  return { low, high };
}

const byName = (a: string, b: string) => a.localeCompare(b, undefined, { numeric: true });

/** How many points a series keeps while rounds come in, before it is thinned to half of them. */
export const keep = 2000;

/**
 * Takes in rounds as they happen. An execution that is new replaces the series
 * of the one before it, as the API shows only the newest. A round that is known
 * is replaced, so nothing is counted twice.
 */
export function addRounds(series: readonly Series[], entries: readonly Entry[]): Series[] {
  const all = new Map(series.map((s) => [`${s.side} ${s.client}`, s]));
  const own = new Set<string>(); // those copied already, that may be changed
  for (const e of entries) {
    if (!e.round) continue;
    const key = `${e.round.side} ${e.round.side === "server" ? "" : (e.client ?? "")}`;
    let s = all.get(key) ?? all.get(`${e.round.side} ${e.client ?? ""}`);
    if (!s || s.execution !== (e.execution ?? "")) {
      const newest = s?.points?.at(-1)?.time ?? 0;
      if (s && newest > e.time) continue; // a late word of an older execution
      s = { task: e.task ?? "", execution: e.execution ?? "", client: e.client ?? "", side: e.round.side, points: [], thinned: false };
      all.set(key, s);
      own.add(key);
    } else if (!own.has(key)) {
      s = { ...s, points: [...(s.points ?? [])] };
      all.set(key, s);
      own.add(key);
    }
    place(s.points!, pointOf(e, s.points!.at(-1)));
    if (s.points!.length > keep) {
      s.points = thinLine(s.points!, (p) => p.acc ?? p.loss, keep / 2);
      s.thinned = true;
    }
  }
  return [...all.values()];
}

function pointOf(e: Entry, last: Point | undefined): Point {
  const { round, acc, loss } = e.round!;
  const x = number(round) ?? (last?.round === round ? last.x : (last?.x ?? 0) + 1);
  return { round, x, time: e.time, acc: number(acc), loss: number(loss ?? ""), acc_text: acc };
}

function place(points: Point[], p: Point) {
  let at = points.length;
  while (at > 0 && points[at - 1]!.x >= p.x) at--;
  points.splice(at, points[at]?.x === p.x ? 1 : 0, p);
}

const within = /(?:^|[^\w.+-])([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(%?)/i;

/** The number in a task's text, read as the history reads it: tensor(0.93), 93%, 0,93; else null. */
export function number(text: string): number | null {
  const t = text.trim().replace(/^([+-]?\d+),(\d+)$/, "$1.$2");
  if (t === "") return null;
  const plain = Number(t);
  if (Number.isFinite(plain)) return plain;
  const match = within.exec(t);
  if (!match) return null;
  const n = Number(match[1]) / (match[2] ? 100 : 1);
  return Number.isFinite(n) ? n : null;
}
