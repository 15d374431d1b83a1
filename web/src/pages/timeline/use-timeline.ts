import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { isAbort } from "../../api/http";
import { useLive } from "../../api/use-live";
import type { Entry } from "../../api/types";
import { matches, type Filter } from "../../timeline/filter";
import { firstAt, fromEntry, mergeEvents, type TimelineEvent } from "../../timeline/model";
import type { LaneBy } from "../../timeline/lanes";
import { around, fitWindow, span, type Window } from "../../timeline/window";
import { most, type Loaded, type Source } from "./source";

export interface TimelineState {
  /** null: not known yet, or there are no events. */
  window: Window | null;
  setWindow: (w: Window) => void;
  /** From the first to the last event. */
  whole: Window | null;
  /** Shows everything. */
  showAll: () => void;
  loaded: Loaded | null;
  loading: boolean;
  /** There is nothing that the filter lets through. */
  empty: boolean;
  error: unknown;
  retry: () => void;
  following: boolean;
  follow: (on: boolean) => void;
}

/** How long gestures rest before events are asked for, and how often density is while following. */
const rest = 150;
const renew = 2000;
/** The width that following begins with, in seconds. */
const followed = 60;

/** Loads what a window of a source shows, as the window moves and as things happen. */
export function useTimeline(source: Source, filter: Filter, by: LaneBy, start: Window | null, live: boolean): TimelineState {
  const key = JSON.stringify([source.id, filter]);
  const [window, setOwn] = useState<Window | null>(start);
  const [whole, setWhole] = useState<Window | null>(null);
  const [loaded, setLoaded] = useState<(Loaded & { key: string; by: LaneBy }) | null>(null);
  const [loading, setLoading] = useState(true);
  const [empty, setEmpty] = useState(false);
  const [error, setError] = useState<unknown>();
  const [attempt, setAttempt] = useState(0);
  const [following, setFollowing] = useState(live && source.live);
  const now = useRef({ window, filter, loaded, following });
  now.current = { window, filter, loaded, following };

  // The whole range, anew for each filter; without a window yet, it is the window.
  useEffect(() => {
    const abort = new AbortController();
    setError(undefined);
    source
      .range(now.current.filter, abort.signal)
      .then((range) => {
        setEmpty(range === null);
        setWhole(range && around(range.from, range.to));
        if (range === null) setLoading(false);
        if (now.current.following) setOwn((w) => followWindow(w));
        else if (range && (!now.current.window || !overlaps(now.current.window, range))) setOwn(source.live ? opening(range) : around(range.from, range.to));
      })
      .catch((e: unknown) => {
        if (isAbort(e) || abort.signal.aborted) return;
        setError(e);
        setLoading(false);
      });
    return () => abort.abort();
  }, [key, source, attempt]);

  const enough = window !== null && loaded?.key === key && covers(loaded, by, window);
  const tick = following && loaded?.events === null ? Math.floor((window?.to ?? 0) / (renew / 1000)) : 0;
  useEffect(() => {
    if (!now.current.window || enough) return;
    const abort = new AbortController();
    const wait = setTimeout(() => {
      const w = now.current.window;
      if (!w) return;
      setLoading(true);
      source
        .load(now.current.filter, w, by, abort.signal)
        .then((l) => {
          // While following, what is to come comes by itself: the future is covered.
          const ahead = now.current.following && l.events ? { ...l, covers: { from: l.covers.from, to: Infinity } } : l;
          setLoaded({ ...ahead, key, by });
          setLoading(false);
          setError(undefined);
        })
        .catch((e: unknown) => {
          if (isAbort(e) || abort.signal.aborted) return;
          setError(e);
          setLoading(false);
        });
    }, loaded?.key === key ? rest : 0);
    return () => {
      clearTimeout(wait);
      abort.abort();
    };
    // The window itself is left out while following and while it is covered: it moves all the time.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [key, source, by, enough, attempt, tick, following ? null : window?.from, following ? null : window?.to]);

  const take = (entries: Entry[]) => {
    const fresh = entries.map(fromEntry).filter((e) => e !== null && matches(filter, e)) as NonNullable<ReturnType<typeof fromEntry>>[];
    if (fresh.length === 0) return;
    if (empty) setAttempt((n) => n + 1);
    setWhole((w) => w && { from: w.from, to: Math.max(w.to, fresh.at(-1)!.time) });
    setLoaded((l) => (l?.events && l.key === key ? grown(l, mergeEvents(l.events, fresh)) : l));
  };
  const reload = useCallback(() => {
    setLoaded(null);
    setAttempt((n) => n + 1);
  }, []);
  useLive(
    source.live && (following || empty) ? { kinds: ["event"], ...(filter.task && { task: filter.task }), ...(filter.client && { client: filter.client }) } : null,
    take,
    reload,
  );

  // Following, the window's right edge is the present.
  useEffect(() => {
    if (!following) return;
    setOwn((w) => followWindow(w));
    const every = setInterval(() => document.hidden || setOwn((w) => followWindow(w)), 250);
    return () => clearInterval(every);
  }, [following]);

  // What happened between the first answer and the live connection's start.
  useEffect(() => {
    if (!following) return;
    const abort = new AbortController();
    const late = setTimeout(() => {
      const w = now.current.window;
      if (!w) return;
      source
        .load(now.current.filter, w, by, abort.signal)
        .then(({ events }) => events && setLoaded((l) => (l?.events && l.key === key ? grown(l, mergeEvents(l.events, events)) : l)))
        .catch(() => undefined); // the live connection goes on
    }, 1500);
    return () => {
      clearTimeout(late);
      abort.abort();
    };
  }, [following, key, source, by]);

  const setWindow = useCallback((w: Window) => {
    setFollowing(false);
    setOwn(fitWindow(w));
    // Nobody listens any more: what is loaded ends here.
    setLoaded((l) => (l?.covers.to === Infinity ? { ...l, covers: { from: l.covers.from, to: Date.now() / 1000 } } : l));
  }, []);
  // A stretch that is to be shown, when another one is.
  const shown = useRef(start);
  useEffect(() => {
    if (start && start !== shown.current) setWindow(start);
    shown.current = start;
  }, [start, setWindow]);
  const showAll = useCallback(() => {
    source
      .range(now.current.filter, AbortSignal.timeout(30_000))
      .then((range) => {
        if (!range) return;
        setWhole(around(range.from, range.to));
        setWindow(around(range.from, range.to));
      })
      .catch(setError);
  }, [source, setWindow]);
  return {
    window,
    setWindow,
    whole,
    showAll,
    loaded: loaded?.key === key ? loaded : null,
    loading,
    empty,
    error,
    retry: reload,
    following,
    follow: (on) => {
      // What was loaded before may lack what happened while nobody listened.
      if (on) setLoaded(null);
      setFollowing(on);
    },
  };
}

function followWindow(w: Window | null): Window {
  const to = Date.now() / 1000 + 0.5;
  const width = w && span(w) <= 600 ? Math.max(span(w), 5) : followed;
  return { from: to - width, to };
}

/** Whether what is loaded shows a window without asking again. */
function covers(l: Loaded & { by: LaneBy }, by: LaneBy, w: Window): boolean {
  if (w.from < l.covers.from || w.to > l.covers.to) return false;
  if (l.events) return firstAt(l.events, w.to) - firstAt(l.events, w.from) <= most;
  // Density fits only the window it was made for.
  return l.by === by && w.from === l.covers.from && w.to === l.covers.to;
}

/** What a timeline opens with: everything, or of very much the newest minute. */
function opening(range: Window & { total: number }): Window {
  const newest = { from: range.to - 60, to: range.to + 3 };
  return range.total > most && newest.from > range.from ? newest : around(range.from, range.to);
}

/** What is loaded with more events; the oldest go when there are very many, and are no longer covered. */
function grown<L extends Loaded>(l: L, events: TimelineEvent[]): L {
  if (events.length <= 3 * most) return { ...l, events };
  const kept = events.slice(-2 * most);
  return { ...l, events: kept, covers: { from: kept[0]!.time, to: l.covers.to } };
}

const overlaps = (a: Window, b: Window) => a.from <= b.to && b.from <= a.to;
