import type { Filter } from "../../timeline/filter";
import type { LaneBy } from "../../timeline/lanes";
import { history } from "./source";
import { TimelineView } from "./timeline-view";

/** The timeline of the history on another page: a chunk of its own. */
export default function EmbeddedTimeline(p: { filter: Filter; onFilter: (f: Filter) => void; fixed: (keyof Filter)[]; by: LaneBy; onBy: (by: LaneBy) => void }) {
  return <TimelineView source={history} {...p} />;
}
