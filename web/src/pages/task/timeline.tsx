import { useState } from "preact/hooks";
import { lazyPage } from "../../lazy";
import { noFilter } from "../../timeline/filter";
import type { LaneBy } from "../../timeline/lanes";

const View = lazyPage(() => import("../timeline/embedded"));

/** The timeline of one task. */
export function TimelineTab({ task }: { task: string }) {
  const [filter, setFilter] = useState({ ...noFilter, task });
  const [by, setBy] = useState<LaneBy>("client");
  return <View filter={filter} onFilter={setFilter} fixed={["task"]} by={by} onBy={setBy} />;
}
