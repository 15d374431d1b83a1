import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useThemeChange } from "../../charts/theme";
import type { Step } from "../../timeline/chain";
import type { Density } from "../../timeline/density";
import type { Lane } from "../../timeline/lanes";
import type { TimelineEvent } from "../../timeline/model";
import { densityScene, hitAt, sceneOf, type Hit } from "../../timeline/scene";
import { label, took } from "../../timeline/texts";
import { axis, timeOfDay } from "../../timeline/ticks";
import { onKey, span, type Window } from "../../timeline/window";
import { draw, paletteAt, type Palette } from "./draw";
import { useGestures } from "./gestures";

interface Props {
  window: Window;
  whole: Window | null;
  lanes: readonly Lane[];
  density: Density | null;
  steps: readonly Step[];
  selected: TimelineEvent | null;
  /** Names what is shown: filter and lanes. With another one the height begins anew. */
  view: string;
  onWindow: (w: Window) => void;
  onAll: () => void;
  onSelect: (e: TimelineEvent | null) => void;
}

/** Below this width a lane's name stands above it instead of beside it. */
const narrow = 640;
const headRoom = 18;
const labelWidth = 176;

/** Lanes over time: marks on a canvas; names and the axis are text. */
export function TimelineCanvas(p: Props) {
  const box = useRef<HTMLDivElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const palette = useRef<Palette | null>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [scroll, setScroll] = useState(0);
  const [hover, setHover] = useState<{ x: number; y: number; hit: Hit | null } | null>(null);
  const theme = useThemeChange();

  const above = size.width > 0 && size.width < narrow;
  const head = above ? headRoom : 0;
  const left = above ? 0 : labelWidth;
  const width = Math.max(size.width - left, 1);
  const { window: w, lanes, density } = p;
  const scene = useMemo(() => (density ? densityScene(density, w, width, head) : sceneOf(lanes, w, width, head)), [density, lanes, w, width, head]);
  const ticks = useMemo(() => axis(w, Math.max(2, Math.floor(width / 110))), [w, width]);
  const chain = useMemo(() => (p.selected ? new Set(p.steps.map((s) => s.event.key)) : null), [p.steps, p.selected]);

  useLayoutEffect(() => {
    const el = box.current!;
    const measure = () => setSize({ width: el.clientWidth, height: scroller.current!.clientHeight });
    const watch = new ResizeObserver(measure);
    watch.observe(el);
    watch.observe(scroller.current!);
    return () => watch.disconnect();
  }, []);

  useEffect(() => {
    palette.current = null;
  }, [theme]);

  useEffect(() => {
    const el = canvas.current;
    const ctx = el?.getContext("2d");
    if (!el || !ctx || size.width === 0) return;
    const frame = requestAnimationFrame(() => {
      const dots = devicePixelRatio || 1;
      const [cw, ch] = [Math.round(width * dots), Math.round(size.height * dots)];
      if (el.width !== cw || el.height !== ch) [el.width, el.height] = [cw, ch];
      ctx.setTransform(dots, 0, 0, dots, 0, 0);
      palette.current ??= paletteAt(el);
      const picture = { scene, lanes: density ? [] : lanes, window: w, axis: ticks, head, chain, steps: p.steps, selected: p.selected?.key ?? null, hover: hover?.x ?? null };
      draw(ctx, picture, palette.current, scroll, size.height);
    });
    return () => cancelAnimationFrame(frame);
  });

  useGestures(canvas, scroller, w, width, p.onWindow);

  const at = (e: MouseEvent) => {
    const r = canvas.current!.getBoundingClientRect();
    return { x: e.clientX - r.left, y: e.clientY - r.top };
  };
  const hit = ({ x, y }: { x: number; y: number }) => hitAt(scene, x, y + scroll, head);
  const keys = (e: KeyboardEvent) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === "Escape" && p.selected) p.onSelect(null);
    else if (e.key === "Home") p.onAll();
    else if (e.key === "n" || e.key === "p") p.onSelect(neighbour(lanes, w, p.selected, e.key === "n" ? 1 : -1));
    else {
      const next = onKey(w, e.key, p.whole);
      if (!next) return;
      p.onWindow(next);
    }
    e.preventDefault();
  };
  // The view grows with its lanes and does not shrink far again at each step: what is below would jump.
  const tallest = useRef({ of: "", height: 0 });
  const view = `${density !== null} ${above} ${p.view}`;
  if (tallest.current.of !== view) tallest.current = { of: view, height: 0 };
  tallest.current.height = Math.max(tallest.current.height, scene.height);
  const shown = scene.lanes.filter((l) => l.top + l.height > scroll - 100 && l.top < scroll + size.height + 100);

  return (
    <div class={`tl${above ? " above" : ""}`} ref={box}>
      <div class="tl-axis" aria-hidden="true">
        <span class="tl-context num">{ticks.context}</span>
        <svg class="tl-ticks" width={width} height={22}>
          {ticks.ticks.map((t) => {
            const x = ((t.time - w.from) / span(w)) * width;
            return (
              <g key={t.time} transform={`translate(${x},0)`}>
                <line y1={17} y2={22} />
                <text y={12} text-anchor={x < 30 ? "start" : x > width - 30 ? "end" : "middle"}>{t.label}</text>
              </g>
            );
          })}
        </svg>
      </div>
      <div
        class="tl-body"
        ref={scroller}
        tabIndex={0}
        role="group"
        aria-label="Timeline. Left and right arrow keys move, plus and minus zoom, Home shows everything, N and P select the next and the previous event, Escape ends the selection. The same events are in the list below."
        style={{ height: `min(${Math.max(scene.height, Math.min(tallest.current.height, 260), 120)}px, clamp(180px, 52vh, 640px))` }}
        onScroll={(e) => setScroll(e.currentTarget.scrollTop)}
        onKeyDown={keys}
      >
        <div class="tl-lanes" style={{ height: `${Math.max(scene.height, 1)}px` }}>
          <div class="tl-names">
            {shown.map((l) => (
              <div key={l.name} class="tl-name" title={l.name} style={{ top: `${l.top}px`, height: `${above ? headRoom : l.height}px` }}>
                <span>{l.name}</span>
              </div>
            ))}
          </div>
          <canvas
            ref={canvas}
            class="tl-canvas"
            style={{ left: `${left}px`, width: `${width}px`, height: `${size.height}px`, transform: `translateY(${scroll}px)` }}
            aria-hidden="true"
            onPointerMove={(e) => {
              const place = at(e);
              setHover({ ...place, hit: hit(place) });
            }}
            onPointerLeave={() => setHover(null)}
            onClick={(e) => {
              const found = hit(at(e));
              if (found?.kind === "bar") p.onWindow({ from: w.from + (at(e).x / width - 0.05) * span(w), to: w.from + (at(e).x / width + 0.05) * span(w) });
              else p.onSelect(found?.event ?? null);
            }}
          />
        </div>
        {hover?.hit && <Tip hit={hover.hit} x={left + hover.x} y={hover.y + scroll} flip={hover.x > width * 0.6} />}
      </div>
    </div>
  );
}

/** The event after or before the selected one, of those in the window. */
function neighbour(lanes: readonly Lane[], w: Window, selected: TimelineEvent | null, by: 1 | -1): TimelineEvent | null {
  const all = lanes.flatMap((l) => l.events).filter((e) => e.time >= w.from && e.time <= w.to).sort((a, b) => a.time - b.time);
  const at = selected ? all.findIndex((e) => e.key === selected.key) : by > 0 ? -1 : all.length;
  return all[Math.min(Math.max(at + by, 0), all.length - 1)] ?? null;
}

function Tip({ hit, x, y, flip }: { hit: Hit; x: number; y: number; flip: boolean }) {
  const style = flip ? { right: `calc(100% - ${x - 12}px)`, top: `${y + 14}px` } : { left: `${x + 12}px`, top: `${y + 14}px` };
  return (
    <div class="tl-tip" style={style}>
      {hit.kind === "bar" ? (
        <>
          <strong class="num">{hit.count.toLocaleString("en")} events</strong>
          <span class="muted">click to zoom in</span>
        </>
      ) : (
        <>
          <strong>{hit.kind === "span" ? hit.span.subject : label(hit.event)}</strong>
          <span class="num">
            {timeOfDay(hit.event.time)}
            {hit.kind === "span" && ` · ${took(hit.span)}`}
          </span>
          <span class="muted">
            {[hit.event.service, hit.event.client, hit.event.task].filter(Boolean).join(" · ")}
            {hit.kind === "mark" && hit.mark.count > 1 && ` · ${hit.mark.count} events here`}
          </span>
        </>
      )}
    </div>
  );
}
