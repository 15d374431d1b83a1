// Where a timeline's events come from: the history, or a file that was opened.
import * as api from "../../api/client";
import type { EventFilter } from "../../api/types";
import { densityOf, type Density } from "../../timeline/density";
import { isFiltered, matches, type Filter } from "../../timeline/filter";
import { firstAt, fromEntry, type TimelineEvent } from "../../timeline/model";
import { byLane, type LaneBy } from "../../timeline/lanes";
import { runningAt } from "../../timeline/spans";
import { span, type Window } from "../../timeline/window";

/** More events than this in a window are shown as density. */
export const most = 2000;
const buckets = 240;
const lanes = 200;

/** What a window shows: its events and some around it, or how dense they are. */
export interface Loaded {
  /** What the events cover: at least the window asked for. */
  covers: Window;
  /** Sorted; null: too many. */
  events: TimelineEvent[] | null;
  density: Density | null;
}

/** A page of a list of events, in order of time. */
export interface EventPage {
  items: TimelineEvent[];
  next?: string | undefined;
}

export interface Source {
  /** Names it: what was loaded of another is not of this one. */
  id: string;
  /** Whether more may happen. */
  live: boolean;
  /** From the first to the last event, and how many there are; null: none. */
  range(filter: Filter, signal: AbortSignal): Promise<(Window & { total: number }) | null>;
  load(filter: Filter, w: Window, by: LaneBy, signal: AbortSignal): Promise<Loaded>;
  page(filter: Filter, w: Window, page: { cursor?: string | undefined; limit: number }, signal: AbortSignal): Promise<EventPage>;
  /** All events of a filter, in a window if one is given: where they can be downloaded, or how to get at them. */
  all(filter: Filter, w: Window | null): string | (() => TimelineEvent[]);
}

const apiFilter = (f: Filter, w?: Window | null): EventFilter => ({
  ...(f.task && { task: f.task }),
  ...(f.client && { client: f.client }),
  ...(f.service && { service: f.service }),
  ...(f.text && { q: f.text }),
  ...(w && { from: w.from, to: w.to }),
});

const flat = (entries: readonly Parameters<typeof fromEntry>[0][] | null) => (entries ?? []).map(fromEntry).filter((e) => e !== null);

/** The history of the cloud. */
export const history: Source = {
  id: "history",
  live: true,

  async range(filter, signal) {
    // The edges of density are those of its cells, up to hours wide: the events themselves tell when.
    const edge = async (order: "oldest" | "newest") => flat((await api.events({ ...apiFilter(filter), order, limit: 1 }, signal)).events)[0]?.time;
    const [from, to] = await Promise.all([edge("oldest"), edge("newest")]);
    if (from === undefined || to === undefined) return null;
    const d = await api.density({ ...apiFilter(filter, { from, to }), by: "service", buckets: 1, lanes: 1 }, signal);
    return { from, to, total: d.total };
  },

  async load(filter, w, by, signal) {
    const of = by === "service" ? "service" : "client";
    const d = await api.density({ ...apiFilter(filter, w), by: of, buckets, lanes }, signal);
    const named = (d.lanes ?? []).map((l) => ({ ...l, client: "", service: "", [of]: l.name }));
    const density = { ...d, lanes: named.sort(byLane) };
    if (d.total > most) return { covers: w, events: null, density };
    // Some air at both sides, so that a small step needs no question.
    const wide = { from: w.from - span(w) / 2, to: w.to + span(w) / 2 };
    const more = await gather(filter, wide, 2 * most, signal);
    const [covers, events] = more ? [wide, more] : [w, (await gather(filter, w, Infinity, signal)) ?? []];
    const before = await processesBefore(filter, covers.from, signal);
    return { covers, events: [...runningAt(covers.from, before, events), ...events], density };
  },

  async page(filter, w, page, signal) {
    const list = await api.events({ ...apiFilter(filter, w), order: "oldest", ...page }, signal);
    return { items: flat(list.events), next: list.next };
  },

  all: (filter, w) => api.eventsFileURL(apiFilter(filter, w)),
};

const taskServices = ["task_server", "task_client"];

/** The newest events of tasks' own processes before a moment: some may run on. */
async function processesBefore(filter: Filter, moment: number, signal: AbortSignal): Promise<TimelineEvent[]> {
  if (filter.text !== "") return []; // the search is for events, not for what ran meanwhile
  const wanted = taskServices.filter((s) => filter.service === "" || filter.service === s);
  const pages = await Promise.all(wanted.map((service) => api.events({ ...apiFilter(filter), service, to: moment, order: "newest", limit: 200 }, signal)));
  return pages.flatMap((p) => flat(p.events)).sort((a, b) => a.time - b.time);
}

/** All events of a window, or null if there are more than `limit`. */
async function gather(filter: Filter, w: Window, limit: number, signal: AbortSignal): Promise<TimelineEvent[] | null> {
  const found: TimelineEvent[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await api.events({ ...apiFilter(filter, w), order: "oldest", limit: 1000, ...(cursor && { cursor }) }, signal);
    found.push(...flat(page.events));
    if (!page.next) return found;
    if (found.length >= limit) return null;
    cursor = page.next;
  }
}

/** The events of a file. They must be sorted. */
export function fileSource(id: string, events: TimelineEvent[]): Source {
  // The last filter's result is kept: a drag asks many times with the same.
  let kept: { key: string; events: TimelineEvent[] } = { key: "", events };
  const filtered = (f: Filter) => {
    if (!isFiltered(f)) return events;
    const key = JSON.stringify(f);
    if (kept.key !== key) kept = { key, events: events.filter((e) => matches(f, e)) };
    return kept.events;
  };
  // The places of the first event of a window and of the first beyond it.
  const places = (list: TimelineEvent[], w: Window): [number, number] => [firstAt(list, w.from), firstAt(list, w.to + 1e-9)];
  const within = (f: Filter, w: Window) => filtered(f).slice(...places(filtered(f), w));
  return {
    id,
    live: false,
    async range(filter) {
      const list = filtered(filter);
      const [first, last] = [list[0], list.at(-1)];
      return first && last ? { from: first.time, to: last.time, total: list.length } : null;
    },
    async load(filter, w, by) {
      const list = filtered(filter);
      const many = (of: Window) => places(list, of).reduce((first, end) => end - first);
      if (many(w) > most) return { covers: w, events: null, density: densityOf(list, w, by, buckets, lanes) };
      const wide = { from: w.from - span(w) / 2, to: w.to + span(w) / 2 };
      const covers = many(wide) <= 2 * most ? wide : w;
      const events = within(filter, covers);
      const before = filter.text === "" ? runningAt(covers.from, list.slice(0, firstAt(list, covers.from)), events) : [];
      return { covers, events: [...before, ...events], density: null };
    },
    async page(filter, w, { cursor, limit }) {
      const list = filtered(filter);
      const [first, end] = places(list, w);
      const from = cursor ? Number(cursor) : first;
      const to = Math.min(from + limit, end);
      return { items: list.slice(from, to), ...(to < end && { next: String(to) }) };
    },
    all: (filter, w) => () => (w ? within(filter, w) : filtered(filter)),
  };
}
