import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Step } from "../../timeline/chain";
import { serviceName, whereOf } from "../../timeline/lanes";
import type { TimelineEvent } from "../../timeline/model";
import type { Span } from "../../timeline/spans";
import { duration, label, taskOf, took } from "../../timeline/texts";
import { moment, timeOfDay } from "../../timeline/ticks";
import { Button } from "../../ui/button";
import { Card, Facts } from "../../ui/page";
import { Link } from "wouter-preact";

interface Props {
  event: TimelineEvent;
  span: Span | undefined;
  steps: readonly Step[];
  /** Whether tasks and clients named here are those of this cloud. */
  linked: boolean;
  onSelect: (e: TimelineEvent | null) => void;
  onZoom: () => void;
  onExport: () => void;
}

/** The selected event, what led to it and what followed, with the times between. */
export function Details({ event, span, steps, linked, onSelect, onZoom, onExport }: Props) {
  const current = useRef<HTMLLIElement>(null);
  useEffect(() => {
    // The list alone: the page must not jump when something is selected above.
    const [li, list] = [current.current, current.current?.parentElement];
    if (li && list) list.scrollTop = li.offsetTop - list.offsetTop - (list.clientHeight - li.clientHeight) / 2;
  }, [event.key, steps]);
  const task = taskOf(event);
  const to = (href: string, text: string) => (linked ? <Link href={href}>{text}</Link> : text);
  return (
    <Card
      title={label(event)}
      actions={
        <>
          <Button size="small" icon="search" onClick={onZoom}>Zoom to chain</Button>
          <Button size="small" icon="download" onClick={onExport}>Export chain</Button>
          <Button size="small" variant="ghost" icon="cross" label="End the selection" onClick={() => onSelect(null)} />
        </>
      }
    >
      <Facts
        items={[
          ["Time", <span class="num">{moment(event.time, 6)}</span>],
          ["Service", serviceName(event.service)],
          ["Function", <code>{event.fn}</code>],
          ...(event.client ? [["Client", to(`/clients/${encodeURIComponent(event.client)}`, event.client)] as [string, ComponentChildren]] : []),
          ...(task ? [["Task", to(`/tasks/${encodeURIComponent(task)}`, task)] as [string, ComponentChildren]] : []),
          ...(span ? [["Took", <span class="num">{took(span)}</span>] as [string, ComponentChildren]] : []),
        ]}
      />
      <h3 class="tl-chain-title">
        {steps.length < 2 ? "No cause or effect of it is known here" : `Causes and effects: ${steps.length} events in ${duration(steps.at(-1)!.event.time - steps[0]!.event.time)}`}
      </h3>
      {steps.length > 1 && (
        <ol class="tl-chain">
          {steps.map((s) => (
            <li key={s.event.key} ref={s.event.key === event.key ? current : undefined} class={s.event.key === event.key ? "current" : ""}>
              <button type="button" aria-current={s.event.key === event.key ? "true" : undefined} onClick={() => onSelect(s.event)}>
                <span class="num tl-chain-after">+{duration(s.after)}</span>
                <span class="tl-chain-text">
                  {label(s.event)}
                  <span class="muted">
                    {[whereOf(s.event), serviceName(s.event.service), s.why].filter(Boolean).join(" · ")}
                  </span>
                </span>
                <span class="num muted">{timeOfDay(s.event.time)}</span>
              </button>
            </li>
          ))}
        </ol>
      )}
    </Card>
  );
}
