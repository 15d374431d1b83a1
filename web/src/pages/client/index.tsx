import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { Link } from "wouter-preact";
import { ApiError, events, getClient } from "../../api/client";
import type { ClientDetail, StateExecution } from "../../api/types";
import { useAsk, usePages } from "../../api/use";
import { useLiveRefresh } from "../../api/use-live";
import { serviceName } from "../../timeline/lanes";
import { fromEntry, type TimelineEvent } from "../../timeline/model";
import { label, taskOf } from "../../timeline/texts";
import { moment } from "../../timeline/ticks";
import { Stalled } from "../../tasks/stalled";
import { StateBadge } from "../../ui/badge";
import { LinkButton } from "../../ui/button";
import { EmptyState, ErrorState, Notice, Skeleton } from "../../ui/feedback";
import { contractDate } from "../../ui/format";
import { Card, Facts, Page } from "../../ui/page";
import { DataTable, type Column } from "../../ui/table";
import { Ago, Took } from "../../ui/time";
import { ExecutionTable } from "../task/executions";
import { attributes } from "./attributes";
import { Credential } from "./credential";
import { Quarantine } from "./quarantine";
import "../task/task.css";
import "../timeline/timeline.css";

/** A client: what it is, what it runs, what it keeps from running, and what it did. */
export default function ClientPage({ id }: { id: string }) {
  const asked = useAsk(id, (signal) => getClient(id, signal));
  useLiveRefresh({ kinds: ["execution", "client"], client: id }, asked.refresh);
  const { data: client, error } = asked;
  const parent = { href: "/clients", label: "Clients" };
  if (!client) {
    return (
      <Page title={id} parent={parent}>
        {error instanceof ApiError && error.status === 404 ? (
          <EmptyState icon="clients" title={`There is no client ${id}`} action={<Link href="/clients">All clients</Link>}>
            A client is known once it has told about itself.
          </EmptyState>
        ) : error !== undefined ? (
          <ErrorState error={error} retry={asked.refresh} title="The client could not be loaded" />
        ) : (
          <Skeleton lines={6} label="Loading the client" />
        )}
        {error !== undefined && <Credential client={id} />}
      </Page>
    );
  }
  return (
    <Page
      title={id}
      parent={parent}
      beside={<StateBadge state={client.online ? "online" : "away"} />}
      subtitle={<>Last seen <Ago at={client.last_seen} /></>}
      actions={<LinkButton href={`/timeline?client=${encodeURIComponent(id)}&by=both`} icon="timeline">Timeline</LinkButton>}
    >
      {error !== undefined && <ErrorState error={error} retry={asked.refresh} title="What is shown may be out of date" />}
      {client.state?.last_error && (
        <Notice tone="warn" title="Its last problem">
          <p>{client.state.last_error}</p>
        </Notice>
      )}
      {!client.online && (
        <Notice>
          <p>It has not been heard of for a minute or more. See that it runs (<code>agata doctor</code> on its machine) and that it reaches this cloud; what it runs goes on meanwhile.</p>
        </Notice>
      )}
      <div class="grid-2">
        <Card title="Attributes">
          <Attributes client={client} />
        </Card>
        <Card title="Runs now" flush>
          <Running list={client.state?.running ?? []} policy={client.state?.policy ?? ""} />
        </Card>
      </div>
      <Credential client={id} />
      <Card title="Quarantine" flush>
        <Quarantine client={id} online={client.online} list={client.state?.quarantined ?? []} onReleased={asked.refresh} />
      </Card>
      <Card title="History" flush>
        <ExecutionTable query={{ client: id }} show="client" />
      </Card>
      <Card title="Newest events" flush>
        <Events client={id} />
      </Card>
    </Page>
  );
}

function Attributes({ client }: { client: ClientDetail }) {
  const told = attributes(client);
  return (
    <Facts
      items={[
        ...told.map(([name, value]): [string, ComponentChildren] => [name, <code key={name} class="break">{value}</code>]),
        ["policy", client.state?.policy ? <code>{client.state.policy}</code> : <span class="muted">not told</span>],
        ["Known since", <Ago at={contractDate(client.creation_date)} />],
        ["Told of itself", <Ago at={contractDate(client.last_mod_date)} />],
      ]}
    />
  );
}

function Running({ list, policy }: { list: StateExecution[]; policy: string }) {
  if (list.length === 0) {
    return <EmptyState icon="clock" title="It runs nothing">{policy ? "It asks for tasks by itself, and takes one that its attributes fit." : "It has not told what it does yet."}</EmptyState>;
  }
  return (
    <ul class="client-runs">
      {list.map((r) => (
        <li key={r.execution_id}>
          <Link href={`/tasks/${encodeURIComponent(r.task_id)}`}>{r.task_id}</Link>
          <StateBadge state={r.state} />
          <Stalled of={r} />
          <span class="muted num">process {r.pid}</span>
          <span class="muted"><Took from={r.started} /></span>
        </li>
      ))}
    </ul>
  );
}

function Events({ client }: { client: string }) {
  const list = usePages(
    `events of ${client}`,
    async (page, signal) => {
      const { events: entries, next } = await events({ client, order: "newest", ...page }, signal);
      return { items: (entries ?? []).map(fromEntry).filter((e) => e !== null), next };
    },
    (e) => e.key,
    12,
  );
  useLiveRefresh({ kinds: ["event"], client }, list.refresh, undefined, 3000);
  const columns = useMemo(
    (): Column<TimelineEvent>[] => [
      { title: "Time", class: "w-time", cell: (e) => <span class="num">{moment(e.time)}</span> },
      { title: "Event", header: true, cell: (e) => label(e) },
      { title: "Service", cell: (e) => serviceName(e.service) },
      { title: "Task", cell: (e) => (taskOf(e) ? <Link href={`/tasks/${encodeURIComponent(taskOf(e))}`}>{taskOf(e)}</Link> : <span class="muted">–</span>) },
    ],
    [],
  );
  return (
    <div class="tl-list">
      <DataTable
        caption={`Newest events of ${client}`}
        columns={columns}
        rows={list.items}
        rowKey={(e) => e.key}
        loading={list.loading}
        error={list.error}
        retry={list.refresh}
        empty={<EmptyState icon="timeline" title="No events">What it does appears here once it reaches the cloud.</EmptyState>}
      />
    </div>
  );
}
