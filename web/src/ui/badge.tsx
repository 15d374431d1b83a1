import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icon";

export type Tone = "neutral" | "info" | "good" | "bad" | "warn" | "accent";

/** A short word on a tinted ground. */
export function Badge({ tone = "neutral", icon, children, title }: { tone?: Tone; icon?: IconName; children: ComponentChildren; title?: string }) {
  return (
    <span class={`badge ${tone}`} title={title}>
      {icon && <Icon name={icon} />}
      {children}
    </span>
  );
}

interface Look {
  tone: Tone;
  icon: IconName;
  text: string;
}

// Told by word, icon and colour; the colour is never alone.
const looks: Record<string, Look> = {
  new: { tone: "neutral", icon: "circle", text: "New" },
  running: { tone: "info", icon: "pulse", text: "Running" },
  finished: { tone: "good", icon: "check", text: "Finished" },
  failed: { tone: "bad", icon: "cross", text: "Failed" },
  stopped: { tone: "warn", icon: "stop", text: "Stopped" },
  stalled: { tone: "warn", icon: "clock", text: "Stalled" },
  quarantined: { tone: "bad", icon: "lock", text: "Quarantined" },
  busy: { tone: "warn", icon: "clock", text: "Busy" },
  waiting: { tone: "accent", icon: "clock", text: "Waiting" },
  away: { tone: "neutral", icon: "offline", text: "Away" },
  online: { tone: "good", icon: "check", text: "Online" },
  not_selected: { tone: "neutral", icon: "filter", text: "Not selected" },
  task_not_running: { tone: "neutral", icon: "stop", text: "Task not running" },
  pending: { tone: "accent", icon: "clock", text: "Pending" },
  done: { tone: "good", icon: "check", text: "Done" },
  up: { tone: "good", icon: "check", text: "Up" },
  down: { tone: "bad", icon: "cross", text: "Down" },
};

/** The word for a state of a task, execution, client or command. */
export const stateText = (state: string): string => looks[state]?.text ?? state;

/** A state of a task, execution, client or command; an unknown one shows as it is called. */
export function StateBadge({ state, title }: { state: string; title?: string }) {
  const look = looks[state] ?? { tone: "neutral" as const, icon: "circle" as const, text: state };
  return (
    <Badge tone={look.tone} icon={look.icon} {...(title ? { title } : {})}>
      {look.text}
    </Badge>
  );
}
