// What stands where content is not: loading, nothing, a failure.
import type { ComponentChildren } from "preact";
import { ApiError } from "../api/http";
import { Button } from "./button";
import { Icon, type IconName } from "./icon";

/** Grey lines in the place of what is loading. */
export function Skeleton({ lines = 3, label = "Loading" }: { lines?: number; label?: string }) {
  return (
    <div class="skeleton" role="status" aria-label={label}>
      {Array.from({ length: lines }, (_, i) => (
        <span key={i} class={`skeleton-line w${i % 4}`} />
      ))}
    </div>
  );
}

/** Says that there is nothing, and what to do next. */
export function EmptyState({ icon = "info", title, children, action }: {
  icon?: IconName;
  title: string;
  children?: ComponentChildren;
  action?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <Icon name={icon} class="empty-icon" />
      <p class="empty-title">{title}</p>
      {children && <div class="empty-text">{children}</div>}
      {action && <div class="empty-action">{action}</div>}
    </div>
  );
}

/** A failure with what to do about it, and how to find it in the logs. */
export function ErrorState({ error, retry, title = "That did not work" }: { error: unknown; retry?: () => void; title?: string }) {
  const api = error instanceof ApiError ? error : undefined;
  return (
    <div class="notice bad" role="alert">
      <Icon name="warning" />
      <div class="notice-body">
        <p class="notice-title">{title}</p>
        <p>{api?.detail ?? (error instanceof Error ? error.message : String(error))}</p>
        {api?.hint && <p>{api.hint}</p>}
        {api?.correlationId && (
          <p class="notice-id">
            In the services' logs: <code>{api.correlationId}</code>
          </p>
        )}
      </div>
      {retry && (
        <Button size="small" icon="refresh" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** A remark on a page; tone tells how grave. */
export function Notice({ tone = "info", title, children, action }: {
  tone?: "info" | "warn" | "bad" | "good";
  title?: string;
  children: ComponentChildren;
  action?: ComponentChildren;
}) {
  return (
    <div class={`notice ${tone}`} role={tone === "bad" ? "alert" : "note"}>
      <Icon name={tone === "good" ? "check" : tone === "info" ? "info" : "warning"} />
      <div class="notice-body">
        {title && <p class="notice-title">{title}</p>}
        {children}
      </div>
      {action}
    </div>
  );
}

/** How far something is: value of max; without max it only shows that it goes on. */
export function Progress({ label, value, max }: { label: string; value?: number; max?: number }) {
  return <progress class="progress" aria-label={label} {...(max === undefined ? {} : { max: Math.max(1, max), value: value ?? 0 })} />;
}
