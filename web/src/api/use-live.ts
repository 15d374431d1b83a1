// The page's one live connection, and the ways components use it.
import { useEffect, useRef, useState } from "preact/hooks";
import { checkSession } from "./gate";
import { Live, type LiveFilter, type LiveStatus } from "./live";
import { session } from "./session";
import type { Entry } from "./types";

/** The one connection of this page. */
export const live = new Live({
  connect: (address) => new EventSource(address),
  setTimeout: (f, ms) => window.setTimeout(f, ms),
  clearTimeout: (id) => window.clearTimeout(id),
  random: Math.random,
  onLost: () => void checkSession(), // it may be that nobody is signed in any more
});
session.watch(() => live.hold(session.held));

/** Calls onEntries with what happens while the component is there. A null filter listens to nothing. */
export function useLive(filter: LiveFilter | null, onEntries: (entries: Entry[]) => void, onGap?: () => void): void {
  const latest = useRef({ onEntries, onGap });
  latest.current = { onEntries, onGap };
  const key = filter === null ? null : JSON.stringify(filter);
  useEffect(() => {
    if (key === null) return;
    return live.subscribe({
      filter: JSON.parse(key) as LiveFilter,
      onEntries: (entries) => latest.current.onEntries(entries),
      onGap: () => latest.current.onGap?.(),
    });
  }, [key]);
}

export function useLiveStatus(): LiveStatus {
  const [status, setStatus] = useState<LiveStatus>(live.status);
  useEffect(() => live.watch(setStatus), []);
  return status;
}

/**
 * Refreshes when something happens that `about` lets through, at most every
 * `quiet` ms (default 1 s), after a gap, after a lost connection came back, and
 * every 30 s while the page is visible.
 */
export function useLiveRefresh(filter: LiveFilter | null, refresh: () => void, about: (entry: Entry) => boolean = () => true, quiet = 1000): void {
  const latest = useRef({ refresh, about });
  latest.current = { refresh, about };
  const timer = useRef<number | undefined>(undefined);
  const last = useRef(0);
  const soon = () => {
    if (timer.current !== undefined) return;
    timer.current = window.setTimeout(() => {
      timer.current = undefined;
      last.current = Date.now();
      latest.current.refresh();
    }, Math.max(0, last.current + quiet - Date.now()));
  };
  useLive(filter, (entries) => entries.some((e) => latest.current.about(e)) && soon(), soon);
  const status = useLiveStatus();
  const wasLost = useRef(false);
  useEffect(() => {
    if (status === "open" && wasLost.current) latest.current.refresh();
    if (status === "lost" || status === "open") wasLost.current = status === "lost";
  }, [status]);
  useEffect(() => {
    const every = window.setInterval(() => {
      if (!document.hidden) latest.current.refresh();
    }, 30_000);
    return () => {
      window.clearInterval(every);
      window.clearTimeout(timer.current);
      timer.current = undefined;
    };
  }, []);
}
