import type { TimelineEvent } from "./model";
import { taskOf } from "./texts";

/** Which events are shown; "" means all. */
export interface Filter {
  task: string;
  client: string;
  service: string;
  text: string;
}

export const noFilter: Filter = { task: "", client: "", service: "", text: "" };

/** Whether any of a filter's fields is set. */
export const isFiltered = (f: Filter): boolean => Object.values(f).some((v) => v !== "");

/** Applies a filter to events at hand, as the history applies it to its own. */
export function matches(f: Filter, e: TimelineEvent): boolean {
  return (
    (f.task === "" || taskOf(e) === f.task) &&
    (f.client === "" || e.client === f.client) &&
    (f.service === "" || e.service === f.service) &&
    (f.text === "" || `${e.text}\n${e.fn}`.toLowerCase().includes(f.text.toLowerCase()))
  );
}
