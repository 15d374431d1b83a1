import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useAsk } from "../../api/use";
import { chainOf } from "../../timeline/chain";
import { eventsJSON, saveAs } from "../../timeline/export";
import { isFiltered, noFilter, type Filter } from "../../timeline/filter";
import { lanesOf, type LaneBy } from "../../timeline/lanes";
import { linkEvents } from "../../timeline/links";
import { firstAt, mergeEvents, type TimelineEvent } from "../../timeline/model";
import { endOf, pairSpans } from "../../timeline/spans";
import { duration } from "../../timeline/texts";
import { around, pan, span, zoom, type Window } from "../../timeline/window";
import { Button } from "../../ui/button";
import { EmptyState, ErrorState, Skeleton } from "../../ui/feedback";
import { count, plural } from "../../ui/format";
import { Icon } from "../../ui/icon";
import { Card } from "../../ui/page";
import { Segmented } from "../../ui/tabs";
import { TimelineCanvas } from "./canvas";
import { Details } from "./details";
import { EventList } from "./event-list";
import { Filters } from "./filters";
import { Key } from "./key";
import type { Source } from "./source";
import { useEnds } from "./use-ends";
import { useTimeline } from "./use-timeline";
import "./timeline.css";

interface Props {
  source: Source;
  filter: Filter;
  onFilter: (f: Filter) => void;
  /** Fields of the filter that the place fixes. */
  fixed?: (keyof Filter)[];
  by: LaneBy;
  onBy: (by: LaneBy) => void;
  /** Follows what happens from the start. */
  live?: boolean;
  known?: { tasks: string[]; clients: string[]; services: string[] } | null;
  /** A stretch of time to show, such as that of a figure; a new one is shown when it changes. */
  show?: Window | null;
}

const none: TimelineEvent[] = [];
/** How far around the selected event its client's hidden events are looked at, in seconds. */
const reach = 30;

/** A timeline: filters, lanes, the selected event's chain, and the same events as a list. */
export function TimelineView({ source, filter, onFilter, fixed = [], by, onBy, live = false, known = null, show = null }: Props) {
  const t = useTimeline(source, filter, by, show, live);
  const [selected, setSelected] = useState<TimelineEvent | null>(null);
  const { window: w, loaded } = t;

  const events = loaded?.events ?? none;
  const spans = useEnds(source.live, useMemo(() => pairSpans(events), [events]));
  const lanes = useMemo(() => lanesOf(events, spans, by), [events, spans, by]);
  // What a filter hides may still be a cause: the selected event's client is asked for as a whole.
  const near = useAsk(selected?.client && isFiltered({ ...filter, client: "" }) ? `${source.id} ${selected.key}` : null, (signal) =>
    source.page({ ...noFilter, client: selected!.client }, { from: selected!.time - reach, to: selected!.time + reach }, { limit: 1000 }, signal),
  );
  const context = near.data?.items;
  const steps = useMemo(() => {
    if (!selected) return [];
    const all = context ? mergeEvents(events, context) : events;
    return chainOf(selected, linkEvents(all), context ? pairSpans(all) : spans);
  }, [selected, events, spans, context]);
  const inWindow = w && loaded?.events ? firstAt(events, w.to) - firstAt(events, w.from) : (loaded?.density?.total ?? 0);
  const visible = useMemo(() => lanes.filter((l) => !w || l.events.some((e) => e.time >= w.from && e.time <= w.to) || l.spans.some((s) => s.start.time <= w.to && endOf(s) >= w.from)), [lanes, w]);

  const rested = useRested(w, t.following ? 1000 : 200);
  const select = useCallback((e: TimelineEvent | null) => setSelected(e), []);
  const toChain = () => steps[0] && t.setWindow(around(steps[0].event.time, steps.at(-1)!.event.time, 0.08));

  if (t.empty) {
    return (
      <Card flush>
        <Filters filter={filter} onChange={onFilter} fixed={fixed} known={known} />
        <EmptyState icon="timeline" title={isFiltered(filter) ? "No events match" : "No events yet"}>
          {isFiltered(filter) ? (
            <p>Nothing that is kept fits these filters. Loosen them, or wait: new events appear here by themselves.</p>
          ) : (
            <p>Start a task and what all services and clients do appears here. <code>agata task submit FOLDER</code> creates and starts one.</p>
          )}
        </EmptyState>
      </Card>
    );
  }
  return (
    <div class="stack">
      <Card flush>
        <Filters filter={filter} onChange={onFilter} fixed={fixed} known={known} />
        <div class="tl-bar" role="toolbar" aria-label="Timeline">
          <Segmented<LaneBy>
            label="Lanes by"
            value={by}
            onChange={onBy}
            options={[{ value: "service", label: "Service" }, { value: "client", label: "Client" }, { value: "both", label: "Client and service" }]}
          />
          <Button size="small" icon="plus" label="Zoom in" onClick={() => w && t.setWindow(zoom(w, 0.5))} />
          <Button size="small" class="icon-only" label="Zoom out" onClick={() => w && t.setWindow(zoom(w, 2))}><Minus /></Button>
          <Button size="small" icon="back" label="Earlier" onClick={() => w && t.setWindow(pan(w, -0.5))} />
          <Button size="small" icon="next" label="Later" onClick={() => w && t.setWindow(pan(w, 0.5))} />
          <Button size="small" onClick={t.showAll}>Everything</Button>
          {source.live && (
            <Button size="small" icon="pulse" pressed={t.following} onClick={() => t.follow(!t.following)}>
              {t.following ? "Following" : "Follow"}
            </Button>
          )}
          <span class="tl-status push num" role="status">
            {w && `${duration(span(w))} · `}
            {t.loading && !loaded ? "loading…" : plural(inWindow, "event")}
          </span>
          <ExportButton label="Export JSON" of={source.all(filter, null)} />
        </div>
        {t.error !== undefined && <ErrorState error={t.error} retry={t.retry} title="The events could not be loaded" />}
        {w ? (
          <TimelineCanvas
            window={w}
            whole={t.whole}
            lanes={visible}
            density={loaded && !loaded.events ? loaded.density : null}
            steps={steps}
            selected={selected}
            view={`${by} ${JSON.stringify(filter)}`}
            onWindow={t.setWindow}
            onAll={t.showAll}
            onSelect={select}
          />
        ) : (
          t.error === undefined && <Skeleton lines={6} label="Loading the timeline" />
        )}
        {loaded?.density && !loaded.events && loaded.density.other_lanes > 0 && (
          <p class="tl-key">The {loaded.density.lanes.length} lanes with most events are shown; {count(loaded.density.other_lanes)} more are not. Filter by a client to see it.</p>
        )}
        <Key density={loaded !== null && !loaded.events} />
      </Card>
      {selected && (
        <Details
          event={selected}
          span={spans.find((s) => s.start.key === selected.key || s.end?.key === selected.key)}
          steps={steps}
          linked={source.live}
          onSelect={select}
          onZoom={toChain}
          onExport={() => saveAs("chain.json", eventsJSON(steps.map((s) => s.event)))}
        />
      )}
      {w && rested && (
        <Card title="Events in the time shown" flush actions={<ExportButton label="Export these" of={source.all(filter, rested)} />}>
          <div class="tl-list">
            <EventList source={source} filter={filter} window={rested} loaded={loaded} selected={selected} onSelect={select} withTask={!fixed.includes("task")} />
          </div>
        </Card>
      )}
    </div>
  );
}

/** A value as it was when it last rested: a list need not follow each step of a gesture. One that never rests is taken now and then. */
function useRested<T>(value: T, ms: number): T {
  const [rested, setRested] = useState(value);
  const since = useRef(0);
  useEffect(() => {
    if (rested === value) return;
    since.current ||= Date.now();
    const left = Math.max(0, Math.min(ms, since.current + 3 * ms - Date.now()));
    const timer = setTimeout(() => {
      since.current = 0;
      setRested(value);
    }, left);
    return () => clearTimeout(timer);
  }, [value, rested, ms]);
  return rested === null ? value : rested;
}

const Minus = () => (
  <svg class="icon" viewBox="0 0 16 16" width="16" height="16" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" aria-hidden="true">
    <path d="M3 8h10" />
  </svg>
);

/** Exports in the contract's form: what the cloud sends as a file, or events that are here. */
function ExportButton({ label, of }: { label: string; of: string | (() => TimelineEvent[]) }) {
  if (typeof of !== "string") {
    return <Button size="small" icon="download" onClick={() => saveAs("events.json", eventsJSON(of()))}>{label}</Button>;
  }
  return (
    <a class="button secondary small" href={of} download="events.json">
      <Icon name="download" />
      {label}
    </a>
  );
}
