import { Link } from "wouter-preact";
import { explain, getClient } from "../../api/client";
import type { Clause, ClientDetail } from "../../api/types";
import { useAsk } from "../../api/use";
import { reasonText } from "../../tasks/reasons";
import { Badge, StateBadge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { ErrorState, Notice, Skeleton } from "../../ui/feedback";
import { moment } from "../../ui/format";
import { Facts } from "../../ui/page";
import { Ago, Took } from "../../ui/time";
import { attributes } from "../client/attributes";
import { untilText } from "../client/until";

/** The whole explanation of a client: each clause with its outcome, and the values that it was decided on. */
export function ExplainDialog({ task, client, criteria, onClose }: { task: string; client: string; criteria: string; onClose: () => void }) {
  const asked = useAsk(`explain ${task} ${client}`, (signal) => explain(task, client, signal));
  const who = useAsk(`client ${client}`, (signal) => getClient(client, signal));
  const { data } = asked;
  return (
    <Dialog title={`Why ${client}?`} wide onClose={onClose} footer={<Button onClick={onClose}>Close</Button>}>
      {asked.error !== undefined && <ErrorState error={asked.error} retry={asked.refresh} />}
      {!data && asked.error === undefined && <Skeleton lines={5} />}
      {data && (
        <>
          <Notice tone={!data.offered ? "warn" : data.quarantine || data.limit ? "info" : "good"} title={data.offered ? "The cloud offers it this task" : "It is not offered this task"}>
            <p>
              It was last seen <Ago at={data.last_seen} />.
              {data.limit ? ` Now ${data.limit}.` : ""}
            </p>
          </Notice>
          {data.quarantine && (
            <Notice tone="bad" title="It keeps the task in quarantine">
              <p>
                {reasonText(data.quarantine.reason)} It is kept out since {moment(data.quarantine.since)}, {untilText(data.quarantine.until)}, or its files or arguments change. It can be released on the{" "}
                <Link href={`/clients/${encodeURIComponent(client)}`}>client's page</Link>.
              </p>
            </Notice>
          )}
          {data.running && (
            <p>
              <StateBadge state="running" /> It runs the task as process <span class="num">{data.running.pid}</span>, for <Took from={data.running.started} />.
            </p>
          )}
          {!data.running && data.last && (
            <p>
              <StateBadge state={data.last.state} /> Its last execution ended{data.last.ended ? <> <Ago at={data.last.ended} /></> : ""}: {data.last.detail || reasonText(data.last.reason ?? "") || "no reason is known"}
            </p>
          )}
          <h3>Criteria</h3>
          {criteria ? <p><code class="break">{criteria}</code></p> : <p class="muted">None: every client may run it.</p>}
          {data.clauses && data.clauses.length > 0 && <Clauses list={data.clauses} />}
          <h3>What the client told of itself</h3>
          {who.error !== undefined && <ErrorState error={who.error} retry={who.refresh} />}
          {who.data ? <Values client={who.data} /> : who.error === undefined && <Skeleton lines={2} />}
        </>
      )}
    </Dialog>
  );
}

function Clauses({ list }: { list: Clause[] }) {
  const tone = { true: "good", false: "warn", error: "bad" } as const;
  const icon = { true: "check", false: "cross", error: "warning" } as const;
  const outcome = (c: Clause): keyof typeof tone => (c.outcome === "true" ? "true" : c.outcome === "false" ? "false" : "error");
  return (
    <table class="table why-clauses">
      <caption class="sr-only">Clauses of the criteria and their outcomes</caption>
      <thead>
        <tr>
          <th scope="col">Clause</th>
          <th scope="col">Outcome</th>
          <th scope="col">Decided on</th>
        </tr>
      </thead>
      <tbody>
        {list.map((c, i) => (
          <tr key={i}>
            <th scope="row"><code class="break">{c.text}</code></th>
            <td data-title="Outcome"><Badge tone={tone[outcome(c)]} icon={icon[outcome(c)]}>{c.outcome}</Badge></td>
            <td data-title="Decided on">{c.detail ? <code class="break">{c.detail}</code> : <span class="muted">–</span>}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const Values = ({ client }: { client: ClientDetail }) => <Facts items={attributes(client).map(([name, value]) => [name, <code key={name} class="break">{value}</code>])} />;
