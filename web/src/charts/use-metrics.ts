import { useEffect, useState } from "preact/hooks";
import * as api from "../api/client";
import type { Entry, Series } from "../api/types";
import { useAsk } from "../api/use";
import { useLive } from "../api/use-live";
import { addRounds } from "./series";

/** How many points a series is asked for. */
const points = 200;

/** A task's metrics, kept up by the rounds that happen: they are added here, not asked for again. */
export function useMetrics(task: string): { series: Series[] | undefined; error: unknown; refresh: () => void } {
  const asked = useAsk(`metrics ${task}`, (signal) => api.metrics(task, { points }, signal));
  const [state, setState] = useState<{ of: unknown; series: Series[] }>({ of: undefined, series: [] });
  const { data } = asked;
  useEffect(() => {
    if (data) setState((s) => (s.of === data ? s : { of: data, series: data.series ?? [] }));
  }, [data]);
  const take = (entries: Entry[]) => setState((s) => ({ ...s, series: addRounds(s.series, entries) }));
  useLive({ kinds: ["round"], task }, take, asked.refresh);
  return { series: data ? state.series : undefined, error: asked.error, refresh: asked.refresh };
}
