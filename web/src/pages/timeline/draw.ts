import type { Step } from "../../timeline/chain";
import type { Lane } from "../../timeline/lanes";
import type { TimelineEvent } from "../../timeline/model";
import { bar, markMiddle, pad, placeOf, row, type Scene, type SceneLane } from "../../timeline/scene";
import { took, tone, type Tone } from "../../timeline/texts";
import type { Axis } from "../../timeline/ticks";
import type { Window } from "../../timeline/window";
import { color } from "../../charts/theme";

/** The colours of a theme, as the canvas takes them. */
export type Palette = Record<(typeof names)[number], string>;

const names = ["ground", "ink", "faint", "grid", "cloud", "client", "task", "operator", "error", "good", "model", "bar", "accent"] as const;

/** Reads the palette where the canvas is; again after each change of the theme. */
export function paletteAt(el: Element): Palette {
  return Object.fromEntries(names.map((n) => [n, color(el, `--tl-${n}`)])) as Palette;
}

/** Which colour a service's spans have: by who they belong to. */
function hue(service: string): "operator" | "cloud" | "client" | "task" {
  if (service === "Operator") return "operator";
  if (service.startsWith("task_")) return "task";
  return service.includes("client") ? "client" : "cloud";
}

export interface Picture {
  scene: Scene;
  lanes: readonly Lane[];
  window: Window;
  axis: Axis;
  head: number;
  /** Keys of the chain's events; null: nothing is selected and nothing recedes. */
  chain: ReadonlySet<string> | null;
  steps: readonly Step[];
  selected: string | null;
  /** The pointer's place, or null. */
  hover: number | null;
}

/** Draws the part of a scene that is visible: `top` is how far it is scrolled. */
export function draw(ctx: CanvasRenderingContext2D, p: Picture, colors: Palette, top: number, height: number): void {
  const { scene, window: w } = p;
  const x = (time: number) => ((time - w.from) / (w.to - w.from)) * scene.width;
  ctx.clearRect(0, 0, scene.width, height);
  ctx.lineWidth = 1;
  ctx.strokeStyle = colors.grid;
  ctx.beginPath();
  for (const t of p.axis.ticks) {
    const at = Math.round(x(t.time)) + 0.5;
    ctx.moveTo(at, 0);
    ctx.lineTo(at, height);
  }
  ctx.stroke();
  ctx.save();
  ctx.translate(0, -top);
  for (const lane of scene.lanes) {
    if (lane.top + lane.height < top || lane.top > top + height) continue;
    ctx.strokeStyle = colors.grid;
    line(ctx, 0, lane.top + lane.height - 0.5, scene.width, lane.top + lane.height - 0.5);
    drawBars(ctx, lane, p.head, colors);
    drawSpans(ctx, lane, p, colors);
    drawMarks(ctx, lane, p, colors);
  }
  drawChain(ctx, p, colors);
  ctx.restore();
  if (p.hover !== null) {
    ctx.strokeStyle = colors.faint;
    line(ctx, Math.round(p.hover) + 0.5, 0, Math.round(p.hover) + 0.5, height);
  }
}

function line(ctx: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number) {
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
}

function drawBars(ctx: CanvasRenderingContext2D, lane: SceneLane, head: number, colors: Palette) {
  const most = lane.height - head - 8;
  ctx.fillStyle = colors.bar;
  for (const b of lane.bars) {
    const h = Math.max(2, b.share * most);
    ctx.fillRect(b.x, lane.top + lane.height - 3 - h, Math.max(b.width - 1, 1), h);
  }
}

function drawSpans(ctx: CanvasRenderingContext2D, lane: SceneLane, p: Picture, colors: Palette) {
  ctx.font = "11px system-ui, sans-serif";
  ctx.textBaseline = "middle";
  for (const s of lane.spans) {
    const { start, end, failed, subject } = s.span;
    const inChain = p.chain?.has(start.key) || (end && p.chain?.has(end.key));
    ctx.globalAlpha = p.chain && !inChain ? 0.22 : 1;
    const y = lane.top + p.head + pad + s.row * row;
    const isError = failed || tone(start) === "error";
    const fill = isError ? colors.error : colors[hue(start.service)];
    ctx.fillStyle = fill;
    ctx.beginPath();
    ctx.roundRect(s.x, y, s.width, bar, Math.min(3, s.width / 2));
    ctx.fill();
    if (start.key === p.selected || end?.key === p.selected) {
      ctx.strokeStyle = colors.accent;
      ctx.lineWidth = 2;
      ctx.stroke();
      ctx.lineWidth = 1;
    }
    const from = Math.max(s.x, 0);
    const room = Math.min(s.x + s.width, p.scene.width) - from - 10;
    if (room > 34) {
      ctx.fillStyle = colors.ground;
      ctx.fillText(fitText(ctx, `${subject} · ${took(s.span)}`, room), from + 5, y + bar / 2 + 0.5);
    }
  }
  ctx.globalAlpha = 1;
}

/** As much of a text as fits. */
function fitText(ctx: CanvasRenderingContext2D, text: string, room: number): string {
  if (ctx.measureText(text).width <= room) return text;
  const fits = Math.floor(text.length * (room / ctx.measureText(text).width)) - 1;
  return fits > 2 ? `${text.slice(0, fits)}…` : "";
}

function drawMarks(ctx: CanvasRenderingContext2D, lane: SceneLane, p: Picture, colors: Palette) {
  const y = lane.top + markMiddle(lane);
  for (const m of lane.marks) {
    const inChain = p.chain?.has(m.item.key);
    ctx.globalAlpha = p.chain && !inChain ? 0.22 : 1;
    const kind = tone(m.item);
    ctx.fillStyle = ctx.strokeStyle = kind === "plain" || kind === "measure" ? colors[hue(m.item.service)] : colors[kind];
    shape(ctx, kind, m.x, y, m.count > 1 ? 5.5 : 4);
    if (m.item.key === p.selected) {
      ctx.strokeStyle = colors.accent;
      ctx.lineWidth = 2;
      ctx.beginPath();
      ctx.arc(m.x, y, 8, 0, 7);
      ctx.stroke();
      ctx.lineWidth = 1;
    }
  }
  ctx.globalAlpha = 1;
}

/** A mark's shape tells what its colour tells: a cross fails, a diamond finishes, a square is a round, a disc anything else. */
export function shape(ctx: CanvasRenderingContext2D, kind: Tone, x: number, y: number, r: number) {
  ctx.beginPath();
  if (kind === "error") {
    ctx.lineWidth = 2.2;
    ctx.moveTo(x - r, y - r);
    ctx.lineTo(x + r, y + r);
    ctx.moveTo(x + r, y - r);
    ctx.lineTo(x - r, y + r);
    ctx.stroke();
    ctx.lineWidth = 1;
  } else if (kind === "good") {
    ctx.moveTo(x, y - r - 1.5);
    ctx.lineTo(x + r + 1.5, y);
    ctx.lineTo(x, y + r + 1.5);
    ctx.lineTo(x - r - 1.5, y);
    ctx.fill();
  } else if (kind === "model") {
    ctx.rect(x - r + 0.5, y - r + 0.5, 2 * r - 1, 2 * r - 1);
    ctx.fill();
  } else {
    ctx.arc(x, y, r, 0, 7);
    ctx.fill();
  }
}

/** Lines from cause to effect: each step of the chain to the one that it led to. */
function drawChain(ctx: CanvasRenderingContext2D, p: Picture, colors: Palette) {
  if (!p.chain) return;
  ctx.strokeStyle = ctx.fillStyle = colors.accent;
  ctx.lineWidth = 1.5;
  const same = (a: TimelineEvent, b: TimelineEvent) => p.lanes.some((l) => l.spans.some((s) => s.start === a && s.end === b));
  const places = new Map(p.steps.map((s) => [s.event.key, placeOf(p.scene, p.window, p.lanes, s.event, p.head)]));
  for (const s of p.steps) {
    for (const cause of s.causes) {
      const from = places.get(cause.key);
      const to = places.get(s.event.key);
      if (!from || !to || same(cause, s.event)) continue; // a span shows by itself from where to where
      const bend = Math.max(12, Math.min(60, Math.abs(to.x - from.x) / 2));
      ctx.beginPath();
      ctx.moveTo(from.x, from.y);
      ctx.bezierCurveTo(from.x + bend, from.y, to.x - bend, to.y, to.x, to.y);
      ctx.stroke();
      ctx.beginPath();
      ctx.moveTo(to.x, to.y);
      ctx.lineTo(to.x - 6, to.y - 3.5);
      ctx.lineTo(to.x - 6, to.y + 3.5);
      ctx.fill();
    }
  }
  ctx.lineWidth = 1;
}
