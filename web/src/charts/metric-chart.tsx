import { useId, useMemo, useRef, useState } from "preact/hooks";
import type { Series } from "../api/types";
import { Button } from "../ui/button";
import { LineChart } from "./line-chart";
import { aggregate, chartData, most, type Choice, type ChartData, type Measure } from "./series";
import { assignPlaces, lineColor, palette } from "./theme";
import "./charts.css";

interface Props {
  measure: Measure;
  series: Series[];
}

const titles: Record<Measure, string> = { acc: "Accuracy by round", loss: "Loss by round" };

/** Four significant digits: enough to see a model change, few enough to compare. */
const figure = (v: number) => String(Number(v.toPrecision(4)));

/** A measure of a task by round: the aggregate, the clients, a legend that toggles them, and the same as a table. */
export function MetricChart({ measure, series }: Props) {
  const id = useId();
  const [choice, setChoice] = useState<Choice>({ mode: "best", lines: palette, picked: [] });
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [table, setTable] = useState(false);
  const data = useMemo(() => chartData(series, measure, choice), [series, measure, choice]);
  const clients = useMemo(
    () => series.filter((s) => s.side === "client").map((s) => s.client).sort((a, b) => a.localeCompare(b, undefined, { numeric: true })),
    [series],
  );
  const places = useRef<ReadonlyMap<string, number>>(new Map());
  places.current = useMemo(() => assignPlaces(places.current, data.lines.filter((l) => l.key !== aggregate).map((l) => l.key)), [data]);
  const place = (key: string) => places.current.get(key) ?? 0;
  const toggle = (key: string) => {
    const next = new Set(hidden);
    if (!next.delete(key)) next.add(key);
    setHidden(next);
  };
  if (data.lines.length === 0) return null;
  return (
    <section class="metric" aria-labelledby={`${id}-title`}>
      <header class="metric-head">
        <h3 id={`${id}-title`}>{titles[measure]}</h3>
        {data.clients > palette && <Chooser choice={choice} onChange={setChoice} clients={clients} count={data.clients} id={id} />}
        <Button size="small" variant="ghost" pressed={table} onClick={() => setTable(!table)}>
          Table
        </Button>
      </header>
      {table ? (
        <ValueTable data={data} title={titles[measure]} />
      ) : (
        <LineChart data={data} label={titles[measure]} hidden={hidden} place={place} format={figure} />
      )}
      <ul class="chart-legend" aria-label={`Lines of ${titles[measure].toLowerCase()}`}>
        {data.lines.map((l) => (
          <li key={l.key}>
            <button type="button" aria-pressed={!hidden.has(l.key)} onClick={() => toggle(l.key)}>
              <Swatch place={l.key === aggregate ? -1 : place(l.key)} />
              <span class={l.key === aggregate ? "chart-aggregate" : ""}>{l.name}</span>
              <span class="num muted">{l.last === null ? "–" : figure(l.last)}</span>
            </button>
          </li>
        ))}
        {data.band && (
          <li class="chart-band-key">
            <span class="chart-swatch band" aria-hidden="true" />
            lowest to highest of {data.clients} clients
          </li>
        )}
      </ul>
    </section>
  );
}

function Swatch({ place }: { place: number }) {
  const paint = (el: HTMLElement | null) => {
    if (el) el.style.backgroundColor = `var(${lineColor(place)})`;
  };
  return <span class={`chart-swatch${place < 0 ? " wide" : ""}`} ref={paint} aria-hidden="true" />;
}

function Chooser({ choice, onChange, clients, count, id }: { choice: Choice; onChange: (c: Choice) => void; clients: string[]; count: number; id: string }) {
  return (
    <div class="metric-choose">
      <select
        class="input"
        aria-label="Which clients have a line"
        value={choice.mode}
        onChange={(e) => onChange({ ...choice, mode: e.currentTarget.value as Choice["mode"] })}
      >
        <option value="best">Best {choice.lines}</option>
        <option value="worst">Worst {choice.lines}</option>
        <option value="all">{count > most ? `First ${most}` : `All ${count}`}</option>
      </select>
      <input
        class="input"
        list={`${id}-clients`}
        placeholder="Add a client…"
        aria-label="Add a client's line"
        onChange={(e) => {
          const input = e.currentTarget;
          if (clients.includes(input.value) && !choice.picked.includes(input.value)) {
            onChange({ ...choice, picked: [...choice.picked, input.value] });
            input.value = "";
          }
        }}
      />
      <datalist id={`${id}-clients`}>
        {clients.slice(0, 1000).map((c) => (
          <option key={c} value={c} />
        ))}
      </datalist>
    </div>
  );
}

/** How many rounds the table shows: the newest. */
const rows = 200;

function ValueTable({ data, title }: { data: ChartData; title: string }) {
  const from = Math.max(0, data.xs.length - rows);
  const places = data.xs.map((_, i) => i).slice(from).reverse();
  return (
    <div class="chart-table" tabIndex={0} role="region" aria-label={`${title}, as a table`}>
      <table>
        <caption class="sr-only">
          {title}, newest first{from > 0 ? `, the last ${rows} rounds` : ""}
        </caption>
        <thead>
          <tr>
            <th scope="col">Round</th>
            {data.lines.map((l) => (
              <th key={l.key} scope="col">{l.name}</th>
            ))}
            {data.band && <th scope="col">Lowest–highest</th>}
          </tr>
        </thead>
        <tbody>
          {places.map((i) => (
            <tr key={data.xs[i]}>
              <th scope="row" class="num">{data.xs[i]}</th>
              {data.lines.map((l) => (
                <td key={l.key} class="num">{l.ys[i] == null ? "" : figure(l.ys[i])}</td>
              ))}
              {data.band && <td class="num">{data.band.low[i] == null ? "" : `${figure(data.band.low[i])}–${figure(data.band.high[i]!)}`}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
