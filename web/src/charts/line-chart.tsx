import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { aggregate, type ChartData } from "./series";
import { color, lineColor, palette, useThemeChange } from "./theme";

interface Props {
  data: ChartData;
  /** What a screen reader calls it. */
  label: string;
  /** Keys of lines that are not drawn. */
  hidden: ReadonlySet<string>;
  /** The place of a line's colour; -1: the aggregate's. */
  place: (key: string) => number;
  format: (value: number) => string;
  height?: number;
}

/**
 * Lines over rounds. It is made once for a set of lines and then only given new
 * data. With the focus, the arrow keys go from round to round and the values are
 * told below, as they are for the pointer.
 */
export function LineChart({ data, label, hidden, place, format, height = 240 }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const theme = useThemeChange();
  const latest = useRef({ data, hidden, place, format });
  latest.current = { data, hidden, place, format };
  const shape = JSON.stringify([data.lines.map((l) => l.key), data.band !== null]);

  useEffect(() => {
    const el = box.current!;
    const u = new uPlot(options(el, latest.current, height, setAt), aligned(latest.current.data), el);
    plot.current = u;
    const watch = new ResizeObserver(() => u.setSize({ width: Math.max(el.clientWidth, 120), height }));
    watch.observe(el);
    return () => {
      watch.disconnect();
      u.destroy();
      plot.current = null;
    };
  }, [shape, theme, height]);

  useEffect(() => plot.current?.setData(aligned(data)), [data]);

  useEffect(() => {
    data.lines.forEach((l, i) => plot.current?.setSeries(i + 1, { show: !hidden.has(l.key) }));
  }, [hidden, shape, theme, data.lines]);

  const move = (by: number) => {
    const u = plot.current;
    const { xs } = latest.current.data;
    if (!u || xs.length === 0) return;
    const next = Math.min(Math.max((at ?? (by > 0 ? -1 : xs.length)) + by, 0), xs.length - 1);
    u.setCursor({ left: u.valToPos(xs[next]!, "x"), top: u.over.clientHeight / 2 });
    setAt(next);
  };

  return (
    <div class="chart">
      <div
        ref={box}
        class="chart-plot"
        role="group"
        aria-label={`${label}: left and right arrow keys read it round by round`}
        tabIndex={0}
        onKeyDown={(e) => {
          const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 }[e.key];
          if (by === undefined) return;
          e.preventDefault();
          move(by);
        }}
      />
      <p class="chart-readout num" aria-live="polite">
        {at === null || data.xs[at] === undefined ? "\u00a0" : readout(data, hidden, at, format)}
      </p>
    </div>
  );
}

function readout(data: ChartData, hidden: ReadonlySet<string>, at: number, format: (v: number) => string): string {
  const values = data.lines.filter((l) => !hidden.has(l.key) && l.ys[at] != null);
  const shown = values.slice(0, 5).map((l) => `${l.name} ${format(l.ys[at]!)}`);
  if (values.length > shown.length) shown.push(`${values.length - shown.length} more`);
  const [low, high] = [data.band?.low[at], data.band?.high[at]];
  if (low != null && high != null) shown.push(`all clients ${format(low)}–${format(high)}`);
  return [`Round ${data.xs[at]}`, ...shown].join(" · ");
}

const aligned = (d: ChartData): uPlot.AlignedData => [d.xs, ...d.lines.map((l) => l.ys), ...(d.band ? [d.band.high, d.band.low] : [])];

function options(el: HTMLElement, { data, place, format }: Pick<Props, "data" | "place" | "format">, height: number, setAt: (i: number | null) => void): uPlot.Options {
  const ink = color(el, "--chart-ink");
  const grid = { stroke: color(el, "--chart-grid"), width: 1 };
  const axis = { stroke: ink, grid, ticks: { ...grid, size: 4 }, font: "11px system-ui, sans-serif" };
  const few = data.xs.length <= 40;
  const series: uPlot.Series[] = [{ label: "Round" }];
  for (const l of data.lines) {
    const n = l.key === aggregate ? -1 : place(l.key);
    series.push({
      label: l.name,
      stroke: color(el, lineColor(n)),
      width: n < 0 ? 3 : 1.25,
      spanGaps: true,
      points: { show: few, size: n < 0 ? 6 : 4 },
      ...(n >= palette ? { dash: [6, 3] } : {}),
    });
  }
  const bands: uPlot.Band[] = [];
  if (data.band) {
    const edge = { stroke: "transparent", width: 0, spanGaps: true, points: { show: false } };
    series.push({ label: "Highest", ...edge }, { label: "Lowest", ...edge });
    bands.push({ series: [series.length - 2, series.length - 1], fill: color(el, "--chart-band") });
  }
  return {
    width: Math.max(el.clientWidth, 120),
    height,
    padding: [8, 12, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: true, y: false }, points: { size: 7 } },
    scales: { x: { time: false }, y: { range: (_u, low, high) => widen(low, high) } },
    axes: [
      { ...axis, size: 32, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 100_000], values: (_u, at) => at.map((v) => (Number.isInteger(v) ? String(v) : "")) },
      { ...axis, size: 52, values: (_u, at) => at.map(format) },
    ],
    series,
    bands,
    hooks: { setCursor: [(u) => setAt(u.cursor.idx ?? null)] },
  };
}

/** The range of y with some air; a flat line lies in the middle. */
function widen(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  const air = (high - low || Math.abs(high) || 1) * 0.06;
  return [low - air, high + air];
}
