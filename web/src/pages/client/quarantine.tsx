import { useMemo, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { useRefusal } from "../../access/use-session";
import type { QuarantinedFor } from "../../api/types";
import { reasonText } from "../../tasks/reasons";
import { Button } from "../../ui/button";
import { EmptyState } from "../../ui/feedback";
import { DataTable, type Column } from "../../ui/table";
import { Ago } from "../../ui/time";
import { ReleaseDialog } from "./release";
import { untilText } from "./until";

/** The tasks that a client keeps from running, each with a way to end that. */
export function Quarantine({ client, online, list, onReleased }: { client: string; online: boolean; list: QuarantinedFor[]; onReleased: () => void }) {
  const refused = useRefusal("operator");
  const [open, setOpen] = useState<QuarantinedFor | null>(null);
  const columns = useMemo(
    (): Column<QuarantinedFor>[] => [
      { title: "Task", header: true, cell: (q) => <Link href={`/tasks/${encodeURIComponent(q.task_id)}`}>{q.task_id}</Link> },
      { title: "Reason", cell: (q) => <span title={q.reason}>{reasonText(q.reason)}</span> },
      { title: "Since", class: "w-time", cell: (q) => <Ago at={q.since} /> },
      { title: "Holds", cell: (q) => <span class="num">{untilText(q.until)}, or its files change</span> },
      { title: "Release", hideTitle: true, class: "w-actions", cell: (q) => <Button size="small" icon="lock" label={`Release ${q.task_id}`} refused={refused} onClick={() => setOpen(q)}>Release</Button> },
    ],
    [refused],
  );
  return (
    <>
      <DataTable
        caption={`Tasks that ${client} keeps in quarantine`}
        columns={columns}
        rows={list}
        rowKey={(q) => `${q.task_id} ${q.digest}`}
        empty={<EmptyState icon="check" title="Nothing is in quarantine">A task that failed here is kept from running again, until its files change or it is released. It would be listed here.</EmptyState>}
      />
      {open && <ReleaseDialog client={client} online={online} of={open} onClose={() => setOpen(null)} onReleased={onReleased} />}
    </>
  );
}
