// Line icons, 16 units square, drawn in the colour of the text.

const paths = {
  overview: "M2.5 2.5h4.5v5h-4.5zM9 2.5h4.5v3H9zM9 7.5h4.5v6H9zM2.5 9.5H7v4H2.5z",
  tasks: "M6 4h7.5M6 8h7.5M6 12h7.5M2.5 4l.8.8L4.6 3.3M2.5 8l.8.8 1.3-1.5M2.5 12l.8.8 1.3-1.5",
  clients: "M3.5 2.5h9v6h-9zM1.5 11.5h13M6 8.5v3M10 8.5v3M5.5 13.5h5",
  timeline: "M2 3.5h5M5 7h6M8 10.5h5.5M2 13.5h12",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.3 10.3 13.5 13.5",
  play: "M5 3.2v9.6L12.5 8z",
  stop: "M4 4h8v8H4z",
  trash: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5M6.7 7v3.7M9.3 7v3.7",
  edit: "M3 13l.6-2.7L10.8 3a1.2 1.2 0 0 1 1.7 0l.5.5a1.2 1.2 0 0 1 0 1.7L5.7 12.4z",
  check: "M3 8.5 6.3 12 13 4.5",
  cross: "M4 4l8 8M12 4l-8 8",
  circle: "M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11z",
  clock: "M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM8 5v3.2l2 1.3",
  warning: "M8 2.5 14 13H2zM8 6.5v3M8 11.2v.1",
  info: "M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM8 7.5v3.3M8 5.2v.1",
  lock: "M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5",
  key: "M10.5 9a3.5 3.5 0 1 0-3.3-2.3L2.5 11.4v2.1h2.6v-1.9h1.8V9.8l.9-.9A3.5 3.5 0 0 0 10.5 9zM11.2 4.9h.1",
  leave: "M9.5 5V2.5h-7v11h7V11M6.5 8h7.5M11.5 5.5 14 8l-2.5 2.5",
  moon: "M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z",
  sun: "M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM8 1.5V3M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1 1M11.6 11.6l1 1M3.4 12.6l1-1M11.6 4.4l1-1",
  system: "M2 3h12v8H2zM5.5 13.5h5M8 11v2.5",
  file: "M4 2h5l3.5 3.5V14H4zM9 2v3.5h3.5",
  upload: "M8 10.5V3M5 5.8 8 3l3 2.8M3 10.5V13h10v-2.5",
  download: "M8 3v7.5M5 7.7 8 10.5l3-2.8M3 10.5V13h10v-2.5",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  refresh: "M13 8a5 5 0 1 1-1.5-3.5M13 2.5v2.8h-2.8",
  back: "M9.5 3.5 5 8l4.5 4.5",
  next: "M6.5 3.5 11 8l-4.5 4.5",
  down: "M3.5 6 8 10.5 12.5 6",
  up: "M3.5 10 8 5.5l4.5 4.5",
  keyboard: "M1.5 4.5h13v7.5h-13zM4 7h.1M6.6 7h.1M9.3 7h.1M12 7h.1M5 9.7h6",
  pulse: "M1.5 8.5h3l2-5 3 9 2-4h3",
  server: "M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.1M5 11h.1",
  offline: "M2 2l12 12M3 7.5A7.5 7.5 0 0 1 6 5.8M13 7.5a7.6 7.6 0 0 0-3.4-1.9M5.3 10a4 4 0 0 1 2.2-.9M10.7 10l-.3-.2M8 12.8v.1",
  more: "M3.5 8h.1M8 8h.1M12.5 8h.1",
  external: "M6.5 3.5h-3v9h9v-3M9 3h4v4M13 3 7.5 8.5",
  filter: "M2.5 4h11M4.5 8h7M6.5 12h3",
} as const;

export type IconName = keyof typeof paths;

/** An icon beside words; it says nothing to a screen reader unless it has a label. */
export function Icon({ name, label, class: cls = "" }: { name: IconName; label?: string; class?: string }) {
  return (
    <svg
      class={`icon ${cls}`}
      viewBox="0 0 16 16"
      width="16"
      height="16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.5"
      stroke-linecap="round"
      stroke-linejoin="round"
      {...(label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" })}
    >
      <path d={paths[name]} />
    </svg>
  );
}
