import { useMemo, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { usePages } from "../../api/use";
import type { Filter } from "../../timeline/filter";
import { serviceName, whereOf } from "../../timeline/lanes";
import { firstAt, type TimelineEvent } from "../../timeline/model";
import { label, taskOf, tone } from "../../timeline/texts";
import { moment, timeOfDay } from "../../timeline/ticks";
import { span, type Window } from "../../timeline/window";
import { DataTable, type Column } from "../../ui/table";
import type { Loaded, Source } from "./source";

interface Props {
  source: Source;
  filter: Filter;
  window: Window;
  loaded: Loaded | null;
  selected: TimelineEvent | null;
  onSelect: (e: TimelineEvent) => void;
  withTask: boolean;
}

const caption = "Events in the time shown";

/** The events of the window as a table: at hand, or page by page when there are too many to be drawn. */
export function EventList(p: Props) {
  const columns = useColumns(p);
  return p.loaded?.events ? <ListAtHand {...p} events={p.loaded.events} columns={columns} /> : <ListByPage {...p} columns={columns} />;
}

const atOnce = 100;

function ListAtHand({ events, window: w, columns }: Props & { events: TimelineEvent[]; columns: Column<TimelineEvent>[] }) {
  const [most, setMost] = useState(atOnce);
  const inside = useMemo(() => events.slice(firstAt(events, w.from), firstAt(events, w.to + 1e-9)), [events, w]);
  return (
    <DataTable
      caption={caption}
      columns={columns}
      rows={inside.slice(0, most)}
      rowKey={(e) => e.key}
      total={inside.length}
      hasMore={inside.length > most}
      onMore={() => setMost(most + atOnce)}
      empty={<p class="muted pad">No events in the time shown. Zoom out, or show everything.</p>}
    />
  );
}

function ListByPage({ source, filter, window: w, columns }: Props & { columns: Column<TimelineEvent>[] }) {
  // While the window moves, as it does when following, the list does not with each step of it.
  const step = span(w) / 4;
  const still = { from: Math.floor(w.from / step) * step, to: Math.ceil(w.to / step) * step };
  const list = usePages(JSON.stringify([source.id, filter, still]), (page, signal) => source.page(filter, still, page, signal), (e) => e.key);
  return (
    <DataTable
      caption={caption}
      columns={columns}
      rows={list.items}
      rowKey={(e) => e.key}
      loading={list.loading}
      error={list.error}
      retry={list.refresh}
      hasMore={list.hasMore}
      loadingMore={list.loadingMore}
      onMore={list.more}
      empty={<p class="muted pad">No events in the time shown. Zoom out, or show everything.</p>}
    />
  );
}

function useColumns({ source, selected, onSelect, withTask }: Props): Column<TimelineEvent>[] {
  const linked = source.live;
  return useMemo(
    () => {
      const all: Column<TimelineEvent>[] = [
      { title: "Time", class: "w-time", cell: (e) => <time class="num" title={moment(e.time, 6)}>{timeOfDay(e.time, 4)}</time> },
      {
        title: "Event", header: true, class: "grow",
        cell: (e) => (
          <button type="button" class={`tl-pick ${tone(e)}`} aria-pressed={e.key === selected?.key} onClick={() => onSelect(e)}>
            {label(e)}
          </button>
        ),
      },
      { title: "Service", cell: (e) => serviceName(e.service) },
      { title: "Client", cell: (e) => (e.client ? linked ? <Link href={`/clients/${encodeURIComponent(e.client)}`}>{e.client}</Link> : e.client : <span class="muted">{whereOf(e)}</span>) },
      { title: "Task", cell: (e) => (taskOf(e) ? linked ? <Link href={`/tasks/${encodeURIComponent(taskOf(e))}`}>{taskOf(e)}</Link> : taskOf(e) : <span class="muted">–</span>) },
      ];
      return withTask ? all : all.slice(0, -1);
    },
    [linked, selected?.key, onSelect, withTask],
  );
}
