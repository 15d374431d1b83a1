import type { ComponentChildren } from "preact";
/** What the marks and colours of a timeline mean. */
export function Key({ density }: { density: boolean }) {
  if (density) return <p class="tl-key">Too many events to draw each: bars tell how many there are (their heights grow with the square root). Click one to zoom in.</p>;
  const bar = <rect x="0" y="2" width="14" height="8" rx="2" fill="currentColor" />;
  return (
    <p class="tl-key">
      <Item name="cloud" text="cloud services">{bar}</Item>
      <Item name="client" text="client services">{bar}</Item>
      <Item name="task" text="task processes">{bar}</Item>
      <Item name="operator" text="operator">{bar}</Item>
      <Item name="model" text="round"><rect x="3" y="2" width="8" height="8" fill="currentColor" /></Item>
      <Item name="good" text="finished"><path d="M7 0l6 6-6 6-6-6z" fill="currentColor" /></Item>
      <Item name="error" text="error"><path d="M3 2l8 8M11 2l-8 8" stroke="currentColor" stroke-width="2.2" /></Item>
      <Item name="cloud" text="other event; bigger: several"><circle cx="7" cy="6" r="4.5" fill="currentColor" /></Item>
    </p>
  );
}

function Item({ name, text, children }: { name: string; text: string; children: ComponentChildren }) {
  return (
    <span>
      <svg class={name} viewBox="0 0 14 12" aria-hidden="true">{children}</svg>
      {text}
    </span>
  );
}
