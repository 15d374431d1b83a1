import type { ComponentChildren } from "preact";
import { Link } from "wouter-preact";
import { Icon, type IconName } from "./icon";

export type Variant = "primary" | "secondary" | "ghost" | "danger";

interface Look {
  variant?: Variant;
  size?: "normal" | "small";
  icon?: IconName;
  /** Absent: an icon button, which needs a label. */
  children?: ComponentChildren;
  /** What it does, when the text alone does not tell. */
  label?: string;
  /** Why it may not be used; it can be pointed at, so that it tells. */
  refused?: string | undefined;
  class?: string;
}

const classes = (p: Look) =>
  `button ${p.variant ?? "secondary"} ${p.size ?? "normal"}${p.children === undefined ? " icon-only" : ""} ${p.class ?? ""}`;

export interface ButtonProps extends Look {
  onClick?: (event: MouseEvent) => void;
  type?: "button" | "submit";
  disabled?: boolean;
  /** Something is under way that it began: it shows so and does not act again. */
  busy?: boolean;
  pressed?: boolean;
}

/** A button. While busy it keeps the focus, which a disabled one would lose. */
export function Button(p: ButtonProps) {
  return (
    <button
      type={p.type ?? "button"}
      class={classes(p)}
      disabled={p.disabled}
      aria-disabled={p.busy || p.refused ? "true" : undefined}
      aria-busy={p.busy ? "true" : undefined}
      aria-label={p.label}
      aria-pressed={p.pressed}
      aria-description={p.refused}
      title={p.refused ?? (p.children === undefined ? p.label : undefined)}
      onClick={(event) => {
        if (p.busy || p.refused) event.preventDefault();
        else p.onClick?.(event);
      }}
    >
      {p.busy ? <span class="spinner" aria-hidden="true" /> : p.icon && <Icon name={p.icon} />}
      {p.children}
    </button>
  );
}

/** A link that looks like a button. */
export function LinkButton(p: Look & { href: string }) {
  if (p.refused) return <Button {...p} />;
  return (
    <Link href={p.href} class={classes(p)} aria-label={p.label} title={p.children === undefined ? p.label : undefined}>
      {p.icon && <Icon name={p.icon} />}
      {p.children}
    </Link>
  );
}
