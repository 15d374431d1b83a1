import { select } from "d3-selection";
import { zoom, zoomIdentity, type D3ZoomEvent, type ZoomTransform } from "d3-zoom";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { pan, span, type Window } from "../../timeline/window";

/**
 * Wheel, drag and pinch on a canvas change the window of time; a drag up or down
 * scrolls the lanes, and the page where they end. d3-zoom reads the gestures; the window itself
 * is kept elsewhere, so each gesture begins with an identity.
 */
export function useGestures(
  canvas: RefObject<HTMLCanvasElement>,
  scroller: RefObject<HTMLElement>,
  w: Window,
  width: number,
  onWindow: (w: Window) => void,
): void {
  const latest = useRef({ w, width, onWindow });
  latest.current = { w, width, onWindow };
  useEffect(() => {
    const el = canvas.current as (HTMLCanvasElement & { __zoom?: ZoomTransform }) | null;
    if (!el) return;
    let base = latest.current.w;
    let lastY = 0;
    // Sideways, or with the shift key, the wheel moves; else it zooms.
    const sideways = (e: WheelEvent) => e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY);
    const behaviour = zoom<HTMLCanvasElement, unknown>()
      .filter((e: Event) => !(e instanceof MouseEvent) || (e instanceof WheelEvent ? !sideways(e) : e.button === 0))
      .on("start", () => {
        base = latest.current.w;
        lastY = 0;
      })
      .on("zoom", (e: D3ZoomEvent<HTMLCanvasElement, unknown>) => {
        const { k, x, y } = e.transform;
        const width = latest.current.width;
        const from = base.from + (-x / k / width) * span(base);
        latest.current.onWindow({ from, to: from + span(base) / k });
        if (k === 1) scrollBy(scroller.current, lastY - y, e.sourceEvent instanceof TouchEvent_);
        lastY = y;
      })
      .on("end", () => {
        el.__zoom = zoomIdentity;
      });
    const selection = select(el).call(behaviour).on("dblclick.zoom", null);
    const wheel = (e: WheelEvent) => {
      if (!sideways(e)) return;
      e.preventDefault();
      latest.current.onWindow(pan(latest.current.w, (e.deltaX || e.deltaY) / latest.current.width));
    };
    el.addEventListener("wheel", wheel, { passive: false });
    return () => {
      selection.on(".zoom", null);
      el.removeEventListener("wheel", wheel);
    };
  }, [canvas, scroller]);
}

/** Browsers without a touch screen may lack the class. */
const TouchEvent_: typeof TouchEvent = typeof TouchEvent === "undefined" ? (class {} as unknown as typeof TouchEvent) : TouchEvent;

function scrollBy(el: HTMLElement | null, by: number, pageToo: boolean) {
  if (!el) return;
  const before = el.scrollTop;
  el.scrollTop += by;
  const rest = by - (el.scrollTop - before);
  if (pageToo && rest !== 0) window.scrollBy(0, rest);
}
