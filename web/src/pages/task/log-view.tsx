import { memo } from "./memo";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Button } from "../../ui/button";
import { SearchBox } from "../../ui/search";
import { cut, find, groups, type LogLine } from "./log-buffer";

interface Props {
  label: string;
  lines: LogLine[];
  /** New lines come: the view follows them until the reader scrolls up. */
  follows: boolean;
  /** Shown without lines. */
  empty: string;
}

/** Lines of output: follows its end, finds texts, wraps if wanted. */
export function LogView({ label, lines, follows, empty }: Props) {
  const [query, setQuery] = useState("");
  const [wrap, setWrap] = useState(true);
  const [stuck, setStuck] = useState(true);
  const [at, setAt] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const found = useMemo(() => find(lines, query), [lines, query]);
  const current = found.length === 0 ? -1 : found[Math.min(at, found.length - 1)]!;
  const chunks = useMemo(() => groups(lines), [lines]);

  const toEnd = () => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  };
  useLayoutEffect(() => {
    if (stuck && follows) toEnd();
  }, [lines, stuck, follows, wrap]);
  useEffect(() => {
    if (current < 0) return;
    setStuck(false);
    box.current?.querySelector(`[data-n="${current}"]`)?.scrollIntoView({ block: "center" });
  }, [current, query]);

  const go = (by: number) => setAt((Math.min(at, found.length - 1) + by + found.length) % found.length);
  return (
    <div class="log">
      <div class="log-bar">
        <SearchBox
          label="Search these lines"
          value={query}
          onSearch={(text) => {
            setQuery(text);
            setAt(Math.max(0, find(lines, text).length - 1)); // the newest first
          }}
        />
        {query !== "" && (
          <>
            <span class="muted num" role="status">{found.length === 0 ? "no line" : `${found.indexOf(current) + 1} of ${found.length}`}</span>
            <Button size="small" icon="up" label="Match before" disabled={found.length === 0} onClick={() => go(-1)} />
            <Button size="small" icon="down" label="Next match" disabled={found.length === 0} onClick={() => go(1)} />
          </>
        )}
        <Button size="small" pressed={wrap} onClick={() => setWrap(!wrap)}>Wrap</Button>
      </div>
      <div
        ref={box}
        class={`log-lines${wrap ? " wrap" : ""}`}
        tabIndex={0}
        role="log"
        aria-label={label}
        aria-live="off"
        onScroll={(e) => {
          const el = e.currentTarget;
          setStuck(el.scrollHeight - el.scrollTop - el.clientHeight < 24);
        }}
      >
        {lines.length === 0 && <p class="log-empty">{empty}</p>}
        {chunks.map((c) => (
          <Chunk key={c.first} lines={c.lines} query={query} current={c.lines.some((l) => l.n === current) ? current : -1} />
        ))}
      </div>
      {!stuck && follows && (
        <div class="log-jump">
          <Button
            size="small"
            icon="down"
            onClick={() => {
              setStuck(true);
              toEnd();
            }}
          >
            To the newest line
          </Button>
        </div>
      )}
    </div>
  );
}

interface ChunkProps {
  lines: LogLine[];
  query: string;
  current: number;
}

const Chunk = memo(
  function Chunk({ lines, query, current }: ChunkProps) {
    return (
      <div class="log-chunk">
        {lines.map((l) => (
          <div key={l.n} data-n={l.n} class={l.n === current ? "log-line current" : "log-line"}>
            {query === "" ? l.text || "\u00a0" : cut(l.text, query).map((part, i) => (i % 2 === 1 ? <mark key={i}>{part}</mark> : part))}
          </div>
        ))}
      </div>
    );
  },
  (a, b) => a.query === b.query && a.current === b.current && a.lines.length === b.lines.length && a.lines[0]?.n === b.lines[0]?.n && a.lines[0]?.text === b.lines[0]?.text,
);
