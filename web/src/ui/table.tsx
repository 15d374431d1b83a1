import { Component, type ComponentChildren, type VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "./button";
import { ErrorState, Skeleton } from "./feedback";

export interface Column<T> {
  /** The heading; on a narrow screen also the cell's name. */
  title: string;
  /** Only for screen readers: of a column of buttons. */
  hideTitle?: boolean;
  cell: (row: T) => ComponentChildren;
  align?: "right";
  /** A class of base.css: w-state, w-time, w-num, w-actions, grow… */
  class?: string;
  /** The row's name: a header cell, and the title of the card on a narrow screen. */
  header?: boolean;
}

export interface TableProps<T> {
  /** What the table shows, for screen readers. */
  caption: string;
  /** The same array at each drawing (a constant, or useMemo), so that unchanged rows are left alone. */
  columns: Column<T>[];
  rows: T[];
  rowKey: (row: T) => string;
  /** The first page is on its way. */
  loading?: boolean;
  error?: unknown;
  retry?: () => void;
  /** Shown instead of a table without rows. */
  empty?: ComponentChildren;
  /** How many there are on all pages. */
  total?: number | undefined;
  hasMore?: boolean;
  loadingMore?: boolean;
  onMore?: () => void;
}

const chunkSize = 25;

/**
 * A table that stays fast with many rows: rows far from the window are replaced
 * by their height. On a narrow screen each row is a card. Near its end it asks
 * for the next page.
 */
export function DataTable<T>(p: TableProps<T>): VNode {
  if (p.rows.length === 0) {
    if (p.error !== undefined) return <ErrorState error={p.error} {...(p.retry ? { retry: p.retry } : {})} />;
    if (p.loading) return <Skeleton lines={6} label={`Loading: ${p.caption}`} />;
    return <>{p.empty ?? <p class="muted pad">Nothing here.</p>}</>;
  }
  const chunks: T[][] = [];
  for (let i = 0; i < p.rows.length; i += chunkSize) chunks.push(p.rows.slice(i, i + chunkSize));
  return (
    <>
      {p.error !== undefined && <ErrorState error={p.error} title="These rows may be out of date" {...(p.retry ? { retry: p.retry } : {})} />}
      <div class="table-scroll" tabIndex={0} role="group" aria-label={p.caption}>
        <table class="table" aria-rowcount={p.total === undefined ? -1 : p.total + 1}>
          <caption class="sr-only">{p.caption}</caption>
          <thead>
            <tr>
              {p.columns.map((c) => (
                <th key={c.title} scope="col" class={cellClass(c)}>
                  {c.hideTitle ? <span class="sr-only">{c.title}</span> : c.title}
                </th>
              ))}
            </tr>
          </thead>
          {chunks.map((rows, i) => (
            <Chunk key={i} first={i * chunkSize} rows={rows} columns={p.columns as Column<unknown>[]} rowKey={p.rowKey as (row: unknown) => string} always={chunks.length < 4} />
          ))}
        </table>
      </div>
      {p.hasMore && p.onMore && <More shown={p.rows.length} total={p.total} busy={p.loadingMore ?? false} onMore={p.onMore} />}
    </>
  );
}

function cellClass<T>(c: Column<T>): string {
  return `${c.align === "right" ? "right num " : ""}${c.class ?? ""}`;
}

interface ChunkProps {
  first: number;
  rows: unknown[];
  columns: Column<unknown>[];
  rowKey: (row: unknown) => string;
  /** Too few rows to be worth it. */
  always: boolean;
}

/** Rows that are drawn anew only when one of them, or the columns, changed. */
class Chunk extends Component<ChunkProps> {
  override shouldComponentUpdate(next: ChunkProps) {
    const now = this.props;
    return now.columns !== next.columns || now.always !== next.always || now.rows.length !== next.rows.length || next.rows.some((row, i) => row !== now.rows[i]);
  }
  override render(p: ChunkProps) {
    return <ChunkOfRows {...p} />;
  }
}

function ChunkOfRows({ first, rows, columns, rowKey, always }: ChunkProps) {
  const ref = useRef<HTMLTableSectionElement>(null);
  const height = useRef(0);
  const [near, setNear] = useState(true);
  useEffect(() => {
    const body = ref.current;
    if (!body || always) return;
    const watch = new IntersectionObserver(
      ([entry]) => {
        if (!entry) return;
        if (!entry.isIntersecting) {
          // The row that has the focus must stay.
          if (body.contains(document.activeElement)) return;
          height.current = entry.boundingClientRect.height || height.current;
        }
        setNear(entry.isIntersecting);
      },
      { rootMargin: "800px 0px" },
    );
    watch.observe(body);
    return () => watch.disconnect();
  }, [always]);
  const gap = useRef<HTMLTableCellElement>(null);
  useEffect(() => {
    if (gap.current) gap.current.style.height = `${height.current}px`;
  });
  if (!near && !always) {
    return (
      <tbody ref={ref} aria-hidden="true">
        <tr class="gap">
          <td ref={gap} colSpan={columns.length} />
        </tr>
      </tbody>
    );
  }
  return (
    <tbody ref={ref}>
      {rows.map((row, i) => (
        <tr key={rowKey(row)} aria-rowindex={first + i + 2}>
          {columns.map((c) =>
            c.header ? (
              <th key={c.title} scope="row" class={cellClass(c)}>
                {c.cell(row)}
              </th>
            ) : (
              <td key={c.title} class={cellClass(c)} data-title={c.hideTitle ? undefined : c.title}>
                {c.cell(row)}
              </td>
            ),
          )}
        </tr>
      ))}
    </tbody>
  );
}

/** Asks for the next page when it comes near, and by a button. */
function More({ shown, total, busy, onMore }: { shown: number; total: number | undefined; busy: boolean; onMore: () => void }) {
  const ref = useRef<HTMLDivElement>(null);
  const latest = useRef(onMore);
  latest.current = onMore;
  useEffect(() => {
    if (!ref.current || busy) return;
    const watch = new IntersectionObserver(([entry]) => entry?.isIntersecting && latest.current(), { rootMargin: "600px 0px" });
    watch.observe(ref.current);
    return () => watch.disconnect();
  }, [busy, shown]);
  return (
    <div class="table-more" ref={ref}>
      <span class="muted num">{total === undefined ? `${shown} shown` : `${shown} of ${total}`}</span>
      <Button size="small" busy={busy} onClick={onMore}>
        Show more
      </Button>
    </div>
  );
}
