import { useEffect, useState } from "preact/hooks";
import { ago, duration, moment } from "./format";

// One timer for all times on the page.
const ticking = new Set<() => void>();
let timer: number | undefined;

/** The time in unix seconds, renewed every few seconds. */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    const tick = () => setNow(Date.now() / 1000);
    ticking.add(tick);
    timer ??= window.setInterval(() => ticking.forEach((f) => f()), 5000);
    return () => {
      ticking.delete(tick);
      if (ticking.size === 0) {
        window.clearInterval(timer);
        timer = undefined;
      }
    };
  }, []);
  return now;
}

/** A time as "12 s ago", with the moment itself when pointed at. Unix seconds; 0 is "never". */
export function Ago({ at }: { at: number }) {
  const now = useNow();
  if (!at) return <span class="muted">never</span>;
  return (
    <time class="num" dateTime={new Date(at * 1000).toISOString()} title={moment(at)}>
      {ago(at, Math.max(now, at))}
    </time>
  );
}

/** How long something took, or has been going on. Unix seconds. */
export function Took({ from, to }: { from: number; to?: number | undefined }) {
  const now = useNow();
  return <span class="num">{duration((to || Math.max(now, from)) - from)}</span>;
}
