import type { ComponentChildren } from "preact";
import { Link } from "wouter-preact";

export interface Tab {
  href: string;
  label: string;
  /** Beside the label, such as a count. */
  beside?: ComponentChildren;
}

/** Tabs that are pages: links, the current one marked. */
export function Tabs({ label, tabs, current }: { label: string; tabs: Tab[]; current: string }) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map((t) => (
        <Link key={t.href} href={t.href} class="tab" aria-current={t.href === current ? "page" : undefined}>
          {t.label}
          {t.beside !== undefined && <span class="tab-beside num">{t.beside}</span>}
        </Link>
      ))}
    </nav>
  );
}

/** One of a few: for filters and views of the same thing. */
export function Segmented<V extends string>({ label, value, options, onChange }: {
  label: string;
  value: V;
  options: { value: V; label: ComponentChildren }[];
  onChange: (value: V) => void;
}) {
  return (
    <div class="segmented" role="group" aria-label={label}>
      {options.map((o) => (
        <button key={o.value} type="button" aria-pressed={o.value === value} onClick={() => onChange(o.value)}>
          {o.label}
        </button>
      ))}
    </div>
  );
}
