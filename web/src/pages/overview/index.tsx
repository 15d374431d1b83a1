import { useRefusal, useSession } from "../../access/use-session";
import { overview } from "../../api/client";
import { useAsk } from "../../api/use";
import { useLiveRefresh } from "../../api/use-live";
import type { Overview } from "../../api/types";
import { LinkButton } from "../../ui/button";
import { ErrorState, Notice, Skeleton } from "../../ui/feedback";
import { Icon } from "../../ui/icon";
import { Card, Page } from "../../ui/page";
import { Executions } from "./executions";
import { Health } from "./health";
import { Recent } from "./recent";
import { Stats } from "./stats";
import "./overview.css";

export default function OverviewPage() {
  const asked = useAsk("overview", overview);
  const refused = useRefusal("operator");
  const open = useSession().is === "open";
  useLiveRefresh({ kinds: ["event", "execution"] }, asked.refresh, (e) => e.kind === "execution" || (!e.client && !!e.task), 1500);
  return (
    <Page
      title="Overview"
      actions={
        <LinkButton href="/tasks/new" variant="primary" icon="plus" refused={refused}>
          New task
        </LinkButton>
      }
    >
      {asked.error !== undefined && <ErrorState error={asked.error} title={asked.data ? "These figures may be out of date" : "The overview could not be read"} retry={asked.refresh} />}
      {asked.data ? <Content data={asked.data} /> : asked.loading && <Skeleton lines={8} />}
      {open && <OpenNote />}
    </Page>
  );
}

function Content({ data }: { data: Overview }) {
  return (
    <>
      {!data.broker.up && (
        <Notice tone="bad" title="The cloud's broker is down">
          <p>{data.broker.error || "No connection to it."} Tasks cannot be changed until it is back; the services try again by themselves.</p>
        </Notice>
      )}
      {data.broker.up && (data.missing ?? []).length > 0 && (
        <Notice tone="warn" title="Some of this could not be learnt">
          {(data.missing ?? []).map((why) => (
            <p key={why}>{why}</p>
          ))}
        </Notice>
      )}
      <Stats data={data} />
      <div class="overview-grid">
        <div class="stack">
          <Card title="Running now" flush>
            <Executions of="running" list={data.running ?? []} total={data.executions.running} />
          </Card>
          <Recent />
        </div>
        <div class="stack">
          <Card title="Latest failures" flush>
            <Executions of="failures" list={data.failures ?? []} total={(data.failures ?? []).length} />
          </Card>
          <Health data={data} />
        </div>
      </div>
    </>
  );
}

function OpenNote() {
  return (
    <p class="muted open-note">
      <Icon name="lock" />
      <span>
        This cloud asks for no credentials: whoever reaches it may do everything. <code>agata operator init NAME</code> on its machine, and a restart, close it.
      </span>
    </p>
  );
}
