import { useMemo } from "preact/hooks";
import { ApiError, execution } from "../../api/client";
import { useAsk } from "../../api/use";
import { useLiveRefresh } from "../../api/use-live";
import { withEnds, type Span } from "../../timeline/spans";

/** How many executions are asked for: the newest that have no end among the events. */
const most = 20;

/**
 * Fills in when processes ended that did not say so: one that is stopped or
 * killed leaves no event of its own, but its execution tells.
 */
export function useEnds(live: boolean, spans: Span[]): Span[] {
  const open = live ? spans.filter((s) => s.end === null && s.start.execution !== "").slice(-most).map((s) => s.start.execution) : [];
  const asked = useAsk(open.length > 0 ? open.join(" ") : null, async (signal) => {
    const found = await Promise.all(
      open.map((id) =>
        execution(id, signal).catch((e: unknown) => {
          if (e instanceof ApiError && e.status === 404) return null; // its end is not known then
          throw e;
        }),
      ),
    );
    return new Map(found.filter((e) => e !== null).map((e) => [e.id, e.state === "running" ? null : (e.ended ?? null)]));
  });
  useLiveRefresh(open.length > 0 ? { kinds: ["execution"] } : null, () => open.length > 0 && asked.refresh(), (e) => open.includes(e.execution ?? ""), 2000);
  const ends = asked.data;
  return useMemo(() => (ends ? withEnds(spans, ends) : spans), [ends, spans]);
}
