// Asking the API from components: one value, or a list page by page.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { isAbort } from "./http";

export interface Asked<T> {
  /** The last answer; it stays while a refresh runs or fails. */
  data: T | undefined;
  /** Of the last ask; undefined after a success. */
  error: unknown;
  loading: boolean;
  /** Asks again, keeping what is there. Calls in short order make one request at a time. */
  refresh: () => void;
}

/**
 * Asks once for each key, and again on refresh. A null key asks nothing. When
 * the key changes, the answer of the old one is dropped.
 */
export function useAsk<T>(key: string | null, ask: (signal: AbortSignal) => Promise<T>): Asked<T> {
  const [state, setState] = useState<{ key: string | null; data?: T; error?: unknown; loading: boolean }>({
    key,
    loading: key !== null,
  });
  const latest = useRef(ask);
  latest.current = ask;
  const again = useRef<() => void>(() => {});

  useEffect(() => {
    if (key === null) {
      setState({ key, loading: false });
      return;
    }
    const abort = new AbortController();
    let busy = false;
    let more = false;
    const run = async () => {
      if (busy) {
        more = true;
        return;
      }
      busy = true;
      setState((s) => (s.key === key ? { ...s, loading: true } : { key, loading: true }));
      try {
        const data = await latest.current(abort.signal);
        if (!abort.signal.aborted) setState({ key, data, loading: false });
      } catch (error) {
        if (!abort.signal.aborted && !isAbort(error)) setState((s) => ({ ...s, key, error, loading: false }));
      }
      busy = false;
      if (more && !abort.signal.aborted) {
        more = false;
        void run();
      }
    };
    again.current = () => void run();
    void run();
    return () => abort.abort();
  }, [key]);

  const refresh = useCallback(() => again.current(), []);
  const mine = state.key === key;
  return {
    data: mine ? state.data : undefined,
    error: mine ? state.error : undefined,
    loading: mine ? state.loading : key !== null,
    refresh,
  };
}

export interface PageOf<T> {
  items: T[];
  next?: string | undefined;
  total?: number | undefined;
}

export interface Paged<T> {
  items: T[];
  total: number | undefined;
  /** The first page has not come yet. */
  loading: boolean;
  loadingMore: boolean;
  error: unknown;
  hasMore: boolean;
  more: () => void;
  refresh: () => void;
}

/** The most that one refresh asks for; what was loaded beyond it stays as it was. */
const refreshLimit = 1000;

/** What a refreshed head and the tail that was loaded earlier are together; each id once. */
export function mergePages<T>(head: T[], tail: T[], id: (item: T) => string): T[] {
  const seen = new Set(head.map(id));
  return [...head, ...tail.filter((item) => !seen.has(id(item)))];
}

interface PagedState<T> {
  key: string;
  items: T[];
  next: string | undefined;
  total: number | undefined;
  loading: boolean;
  loadingMore: boolean;
  error: unknown;
}

const beginning = <T>(key: string): PagedState<T> => ({
  key, items: [], next: undefined, total: undefined, loading: true, loadingMore: false, error: undefined,
});

/** A list by cursor: the first page for each key, further ones on more(). */
export function usePages<T>(
  key: string,
  ask: (page: { cursor?: string | undefined; limit: number }, signal: AbortSignal) => Promise<PageOf<T>>,
  id: (item: T) => string,
  pageSize = 50,
): Paged<T> {
  const [state, setState] = useState<PagedState<T>>(() => beginning<T>(key));
  const latest = useRef({ ask, id, state });
  latest.current = { ask, id, state };
  const run = useRef<{ more: () => void; refresh: () => void }>({ more: () => {}, refresh: () => {} });

  useEffect(() => {
    const abort = new AbortController();
    let busy = false;
    let again = false;
    let further = false;
    let atMore = false;
    const load = async (how: "first" | "more" | "refresh") => {
      // What is asked for while another page is on its way comes after it.
      if (busy) {
        again ||= how === "refresh";
        further ||= how === "more" && !atMore;
        return;
      }
      const before = latest.current.state.key === key ? latest.current.state : beginning<T>(key);
      if (how === "more" && !before.next) return;
      busy = true;
      atMore = how === "more";
      if (how === "more") setState((s) => ({ ...s, loadingMore: true }));
      const limit = how === "refresh" ? Math.min(refreshLimit, Math.max(pageSize, before.items.length)) : pageSize;
      try {
        const page = await latest.current.ask({ cursor: how === "more" ? before.next : undefined, limit }, abort.signal);
        if (abort.signal.aborted) return;
        setState((s) => {
          const old = s.key === key ? s.items : [];
          if (how === "more") {
            return { ...s, items: mergePages(old, page.items, latest.current.id), next: page.next, total: page.total ?? s.total, loadingMore: false, error: undefined };
          }
          const keep = how === "refresh" && old.length > limit && page.next !== undefined;
          return {
            key,
            items: keep ? mergePages(page.items, old.slice(limit), latest.current.id) : page.items,
            next: keep ? s.next : page.next,
            total: page.total,
            loading: false,
            loadingMore: false,
            error: undefined,
          };
        });
      } catch (error) {
        if (abort.signal.aborted || isAbort(error)) return;
        setState((s) => ({ ...(s.key === key ? s : beginning<T>(key)), loading: false, loadingMore: false, error }));
      } finally {
        busy = false;
        if (!abort.signal.aborted && (again || further)) {
          const next = further ? "more" : "refresh";
          if (further) further = false;
          else again = false;
          // The state of this load is drawn before the next reads it.
          window.setTimeout(() => void load(next), 0);
        }
      }
    };
    run.current = { more: () => void load("more"), refresh: () => void load("refresh") };
    setState((s) => (s.key === key ? s : beginning<T>(key)));
    void load("first");
    return () => abort.abort();
  }, [key, pageSize]);

  const more = useCallback(() => run.current.more(), []);
  const refresh = useCallback(() => run.current.refresh(), []);
  const mine = state.key === key ? state : beginning<T>(key);
  return { ...mine, hasMore: mine.next !== undefined && mine.next !== "", more, refresh };
}
