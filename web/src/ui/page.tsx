import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { Link } from "wouter-preact";
import { Icon } from "./icon";

export interface PageProps {
  /** The heading, and the window's title. */
  title: string;
  /** Beside the heading: a badge, a count. */
  beside?: ComponentChildren;
  /** Under the heading, muted. */
  subtitle?: ComponentChildren;
  /** Where the page belongs, e.g. {href: "/tasks", label: "Tasks"}. */
  parent?: { href: string; label: string };
  actions?: ComponentChildren;
  /** As wide as the window: for charts. */
  wide?: boolean;
  children: ComponentChildren;
}

/** A page's frame: its heading, actions and title. One a page. */
export function Page(p: PageProps) {
  useEffect(() => {
    document.title = `${p.title} · AGATA`;
  }, [p.title]);
  return (
    <div class={`page${p.wide ? " wide" : ""}`}>
      <header class="page-head">
        <div class="page-title">
          {p.parent && (
            <Link href={p.parent.href} class="crumb">
              <Icon name="back" />
              {p.parent.label}
            </Link>
          )}
          <div class="page-heading">
            <h1>{p.title}</h1>
            {p.beside}
          </div>
          {p.subtitle && <p class="muted">{p.subtitle}</p>}
        </div>
        {p.actions && <div class="page-actions">{p.actions}</div>}
      </header>
      {p.children}
    </div>
  );
}

/** A part of a page on a surface of its own. */
export function Card({ title, level = 2, actions, children, flush }: {
  title?: ComponentChildren;
  /** The heading's level, by where it stands. */
  level?: 2 | 3;
  actions?: ComponentChildren;
  /** Without padding: for tables and lists. */
  flush?: boolean;
  children: ComponentChildren;
}) {
  const Heading = `h${level}` as "h2" | "h3";
  return (
    <section class={`card${flush ? " flush" : ""}`}>
      {(title || actions) && (
        <header class="card-head">
          {title && <Heading>{title}</Heading>}
          {actions && <div class="card-actions">{actions}</div>}
        </header>
      )}
      <div class="card-body">{children}</div>
    </section>
  );
}

/** Names with their values. */
export function Facts({ items }: { items: [name: string, value: ComponentChildren][] }) {
  return (
    <dl class="facts">
      {items.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
