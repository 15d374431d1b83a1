import { useState } from "preact/hooks";
import { Link, useLocation, useSearch } from "wouter-preact";
import { EnrolDialog } from "../../access/enrol-dialog";
import { useRefusal, useSession } from "../../access/use-session";
import { listClients } from "../../api/client";
import type { ClientSummary } from "../../api/types";
import { usePages } from "../../api/use";
import { useLiveRefresh } from "../../api/use-live";
import { Badge, StateBadge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { EmptyState } from "../../ui/feedback";
import { count, plural } from "../../ui/format";
import { Card, Page } from "../../ui/page";
import { SearchBox } from "../../ui/search";
import { DataTable, type Column } from "../../ui/table";
import { Ago } from "../../ui/time";

export default function ClientsPage() {
  const [, go] = useLocation();
  const q = new URLSearchParams(useSearch()).get("q") ?? "";
  const search = (text: string) => go(text === "" ? "/clients" : `/clients?q=${encodeURIComponent(text)}`, { replace: true });
  const pages = usePages<ClientSummary>(
    q,
    async (page, signal) => {
      const list = await listClients({ q, ...page }, signal);
      return { items: list.clients, next: list.next, total: list.total };
    },
    (c) => c.ID,
  );
  // With many clients something always happens: every few seconds is enough.
  useLiveRefresh({ kinds: ["client", "execution"] }, pages.refresh, (e) => !!e.client, 3000);
  const closed = "operator" in useSession();
  const refused = useRefusal("operator");
  const [enrolling, setEnrolling] = useState(false);
  return (
    <Page
      title="Clients"
      beside={pages.total === undefined ? undefined : <span class="muted num">{plural(pages.total, "client")}</span>}
      actions={closed && <Button variant="primary" icon="key" refused={refused} onClick={() => setEnrolling(true)}>Enrol a client</Button>}
    >
      <div class="toolbar">
        <SearchBox label="Search clients" placeholder="Search ids" value={q} onSearch={search} />
      </div>
      <Card flush>
        <DataTable
          caption="Clients"
          columns={columns}
          rows={pages.items}
          rowKey={(c) => c.ID}
          loading={pages.loading}
          error={pages.error}
          retry={pages.refresh}
          total={pages.total}
          hasMore={pages.hasMore}
          loadingMore={pages.loadingMore}
          onMore={pages.more}
          empty={q === "" ? <NoClients /> : <EmptyState icon="search" title="No client is called like this" action={<Button onClick={() => search("")}>Show all clients</Button>} />}
        />
      </Card>
      {enrolling && <EnrolDialog onClose={() => setEnrolling(false)} />}
    </Page>
  );
}

const columns: Column<ClientSummary>[] = [
  { title: "Client", header: true, cell: (c) => <Link href={`/clients/${encodeURIComponent(c.ID)}`}>{c.ID}</Link> },
  { title: "Presence", class: "w-state", cell: (c) => <StateBadge state={c.online ? "online" : "away"} /> },
  { title: "Last seen", class: "w-time", cell: (c) => <Ago at={c.last_seen} /> },
  { title: "Runs", cell: (c) => <Running client={c} /> },
  {
    title: "Quarantined",
    align: "right",
    cell: (c) =>
      c.quarantined > 0 ? (
        <Badge tone="bad" icon="lock">
          {plural(c.quarantined, "task")}
        </Badge>
      ) : (
        <span class="muted">–</span>
      ),
  },
  { title: "Data", align: "right", cell: (c) => (c.data_qnt === null ? <span class="muted">–</span> : count(c.data_qnt)) },
  { title: "Sensors", cell: (c) => (c.sensors?.length ? <span class="muted break">{c.sensors.join(", ")}</span> : <span class="muted">–</span>) },
];

function Running({ client }: { client: ClientSummary }) {
  const running = client.running ?? [];
  if (running.length === 0) return <span class="muted">–</span>;
  return (
    <span class="break">
      {running.slice(0, 3).map((e, i) => (
        <span key={e.execution_id}>
          {i > 0 && ", "}
          <Link href={`/tasks/${encodeURIComponent(e.task_id)}`}>{e.task_id}</Link>
        </span>
      ))}
      {running.length > 3 && ` and ${running.length - 3} more`}
    </span>
  );
}

function NoClients() {
  const closed = "operator" in useSession();
  return (
    <EmptyState icon="clients" title="No client has registered yet">
      <p>A client registers by itself when it starts and reaches this cloud gateway:</p>
      <p>
        <code>agata serve client-gateway client-task-manager</code>
      </p>
      {closed && <p>This cloud asks for credentials: enrol the client first.</p>}
    </EmptyState>
  );
}
