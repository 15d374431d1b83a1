import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { noFilter, type Filter } from "../../timeline/filter";
import { experimentsIn } from "../../timeline/figures";
import type { TimelineEvent } from "../../timeline/model";
import type { LaneBy } from "../../timeline/lanes";
import { NotOpened, openFile, type Opened } from "../../timeline/open";
import { taskOf } from "../../timeline/texts";
import { around, type Window } from "../../timeline/window";
import { Button } from "../../ui/button";
import { Notice } from "../../ui/feedback";
import { plural } from "../../ui/format";
import { Page } from "../../ui/page";
import { ExperimentFigures, ReportFigures } from "./figures";
import { fileSource, history } from "./source";
import { TimelineView } from "./timeline-view";

/** What the address says: filters and lanes, so that a view can be kept and shared. */
function fromAddress(): { filter: Filter; by: LaneBy } {
  const q = new URLSearchParams(location.search);
  const by = q.get("by");
  return {
    filter: { task: q.get("task") ?? "", client: q.get("client") ?? "", service: q.get("service") ?? "", text: q.get("q") ?? "" },
    by: by === "service" || by === "both" ? by : "client",
  };
}

function toAddress(filter: Filter, by: LaneBy) {
  const q = new URLSearchParams();
  if (filter.task) q.set("task", filter.task);
  if (filter.client) q.set("client", filter.client);
  if (filter.service) q.set("service", filter.service);
  if (filter.text) q.set("q", filter.text);
  if (by !== "client") q.set("by", by);
  const text = q.toString();
  window.history.replaceState(window.history.state, "", text ? `?${text}` : location.pathname);
}

/** The timeline of everything, or of a file that is opened. */
export default function TimelinePage() {
  const [state, setState] = useState(fromAddress);
  const [opened, setOpened] = useState<Opened | null>(null);
  const [refused, setRefused] = useState("");
  const [opening, setOpening] = useState(false);
  const [over, setOver] = useState(false);
  const [show, setShow] = useState<Window | null>(null);
  const number = useRef(0);

  const change = (next: typeof state) => {
    setState(next);
    if (!opened) toAddress(next.filter, next.by);
  };
  const open = async (file: File | undefined) => {
    if (!file) return;
    setOpening(true);
    try {
      await new Promise((drawn) => setTimeout(drawn, 30)); // a large file takes seconds, in which nothing is drawn
      const found = await openFile(file);
      number.current++;
      setOpened(found);
      setState({ filter: noFilter, by: "service" });
      setShow(null);
      setRefused("");
    } catch (error) {
      setRefused(error instanceof NotOpened ? error.message : `${file.name} could not be read: ${String(error)}`);
    }
    setOpening(false);
  };
  const close = () => {
    setOpened(null);
    setShow(null);
    setState(fromAddress());
  };

  const events = opened?.kind === "events" ? opened.events : null;
  const source = useMemo(() => (events ? fileSource(`file ${number.current}`, events) : history), [events]);
  const known = useMemo(() => {
    if (!events) return null;
    const names = (of: (e: TimelineEvent) => string) => [...new Set(events.map(of))].filter(Boolean).sort();
    return { tasks: names(taskOf), clients: names((e) => e.client), services: names((e) => e.service) };
  }, [events]);
  const experiments = useMemo(() => (events ? experimentsIn(events) : []), [events]);

  return (
    <div
      class={over ? "tl-drop" : ""}
      onDragOver={(e) => {
        if (!e.dataTransfer?.types.includes("Files")) return;
        e.preventDefault();
        setOver(true);
      }}
      onDragLeave={(e) => !e.currentTarget.contains(e.relatedTarget as Node | null) && setOver(false)}
      onDrop={(e) => {
        e.preventDefault();
        setOver(false);
        void open(e.dataTransfer?.files[0]);
      }}
    >
      <Page
        title="Timeline"
        wide
        subtitle={opened ? `The file ${opened.name}` : "What all services and clients did, and what led to what"}
        actions={<OpenButton busy={opening} onFile={(f) => void open(f)} />}
      >
        {refused && (
          <Notice tone="bad" title="The file was not opened" action={<Button size="small" onClick={() => setRefused("")}>Dismiss</Button>}>
            <p>{refused}</p>
          </Notice>
        )}
        {opened && (
          <Notice title={`Shown is ${opened.name}`} action={<Button size="small" onClick={close}>Back to live events</Button>}>
            <p>{opened.kind === "events" ? `${plural(opened.events.length, "event")} from a file; they are not this cloud's. Nothing was sent anywhere.` : "A report has figures and no events; open the events.json beside it to see what happened."}</p>
          </Notice>
        )}
        {opened?.kind === "report" && <ReportFigures name={opened.name} experiment={opened.experiment} rows={opened.rows} />}
        {experiments.map((x) => (
          <ExperimentFigures key={x.number} experiment={x} onShow={(from, to) => setShow(around(from.time, to.time, 0.3))} />
        ))}
        {opened?.kind !== "report" && (
          <TimelineView
            key={source.id}
            source={source}
            filter={state.filter}
            onFilter={(filter) => change({ ...state, filter })}
            by={state.by}
            onBy={(by) => change({ ...state, by })}
            known={known}
            show={show}
          />
        )}
      </Page>
    </div>
  );
}

function OpenButton({ busy, onFile }: { busy: boolean; onFile: (f: File | undefined) => void }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.setAttribute("tabindex", "-1"), []);
  return (
    <>
      <input
        ref={input}
        class="tl-file-input"
        type="file"
        accept=".json,application/json,text/plain"
        aria-label="A file of events or a report"
        onChange={(e) => {
          onFile(e.currentTarget.files?.[0]);
          e.currentTarget.value = "";
        }}
      />
      <Button icon="file" busy={busy} onClick={() => input.current?.click()}>{busy ? "Opening…" : "Open a file"}</Button>
    </>
  );
}
