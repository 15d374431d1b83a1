import { MetricChart } from "../../charts/metric-chart";
import { useMetrics } from "../../charts/use-metrics";
import { EmptyState, ErrorState, Skeleton } from "../../ui/feedback";
import { Card } from "../../ui/page";

/** Accuracy and loss by round, live. */
export default function Metrics({ task, running }: { task: string; running: boolean }) {
  const { series, error, refresh } = useMetrics(task);
  const has = (of: "acc" | "loss") => series?.some((s) => s.points?.some((p) => p[of] != null));
  const [acc, loss] = [has("acc"), has("loss")];
  return (
    <Card title="Metrics">
      {error !== undefined && <ErrorState error={error} retry={refresh} title="The metrics could not be loaded" />}
      {!series && error === undefined && <Skeleton lines={5} label="Loading the metrics" />}
      {series && !acc && !loss && (
        <EmptyState icon="pulse" title="No rounds yet">
          {running ? "Each round that the server or a client reports appears here by itself." : "Accuracy and loss by round appear here once the task runs and reports rounds."}
        </EmptyState>
      )}
      {series && (acc || loss) && (
        <div class={acc && loss ? "grid-2" : ""}>
          {acc && <MetricChart measure="acc" series={series} />}
          {loss && <MetricChart measure="loss" series={series} />}
        </div>
      )}
    </Card>
  );
}
