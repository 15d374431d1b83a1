import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "./icon";

/** A search field. It tells what to search for once typing rests; `/` puts the focus here. */
export function SearchBox({ label, value, onSearch, placeholder }: { label: string; value: string; onSearch: (text: string) => void; placeholder?: string }) {
  const [text, setText] = useState(value);
  const timer = useRef<number | undefined>(undefined);
  useEffect(() => setText(value), [value]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const tell = (t: string, wait: number) => {
    setText(t);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => onSearch(t.trim()), wait);
  };
  return (
    <div class="search">
      <Icon name="search" />
      <input
        type="search"
        class="input"
        data-search
        aria-label={label}
        aria-keyshortcuts="/"
        placeholder={placeholder ?? label}
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(e) => tell(e.currentTarget.value, 200)}
        onKeyDown={(e) => {
          if (e.key === "Enter") tell(e.currentTarget.value, 0);
          if (e.key === "Escape" && text !== "") {
            e.preventDefault();
            tell("", 0);
          }
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </div>
  );
}
