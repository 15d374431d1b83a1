import type { Overview } from "../../api/types";
import { StateBadge } from "../../ui/badge";
import { bytes, count, duration } from "../../ui/format";
import { Card, Facts } from "../../ui/page";
import { Ago } from "../../ui/time";

/** The platform itself: its broker, its services, what the history holds. */
export function Health({ data }: { data: Overview }) {
  const { history } = data;
  const full = Math.max(history.max_events > 0 ? history.events / history.max_events : 0, 0);
  return (
    <Card title="Platform">
      <div class="stack">
        <Facts
          items={[
            ["Broker", <StateBadge state={data.broker.up ? "up" : "down"} {...(data.broker.error ? { title: data.broker.error } : {})} />],
            ["History", <span class="num">{count(history.events)} events, {bytes(history.bytes)}</span>],
            ["Oldest event", history.first ? <Ago at={history.first} /> : "none"],
            ["Kept", <span class="num">{count(history.keep_days)} days, at most {count(history.max_events)} events{full > 0.9 ? " (nearly full: the oldest go)" : ""}</span>],
            ["Version", <span class="mono">{data.version}</span>],
          ]}
        />
        {(data.services ?? []).length > 0 && (
          <div>
            <h3 class="muted services-title">Services</h3>
            <ul class="services">
              {(data.services ?? []).map((s, i) => (
                <li key={i}>
                  <span class="mono break">{s.name}</span>
                  <span class="muted num nowrap">up {duration(s.uptime)}</span>
                </li>
              ))}
            </ul>
          </div>
        )}
      </div>
    </Card>
  );
}
