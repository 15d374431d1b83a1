import { Link } from "wouter-preact";
import type { Execution } from "../../api/types";

/** Which side an execution is of, and at which client. */
export function Where({ execution: e }: { execution: Execution }) {
  if (e.side === "server") return <span class="muted">server side</span>;
  if (!e.client) return <span class="muted">at a client</span>;
  return (
    <span class="muted">
      at <Link href={`/clients/${encodeURIComponent(e.client)}`}>{e.client}</Link>
    </span>
  );
}
