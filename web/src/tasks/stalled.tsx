import { StateBadge } from "../ui/badge";
import { moment } from "../ui/format";

/** Marks what runs and makes no progress any more; nothing for what does, or is not known to. */
export function Stalled({ of }: { of: { state: string; stalled_since?: number } }) {
  if (of.state !== "running" || !of.stalled_since) return null;
  return <StateBadge state="stalled" title={`It has made no progress since ${moment(of.stalled_since)}`} />;
}
