// The field for a selection expression: it tells while you type whether the
// expression can be used and which clients it lets in, and completes names.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { checkCriteria } from "../api/client";
import { errorText, isAbort } from "../api/http";
import type { CriteriaCheck } from "../api/types";
import { Field } from "../ui/field";
import { plural } from "../ui/format";
import { Icon } from "../ui/icon";
import { complete, type Completion } from "./completion";
import "./tasks.css";

export interface CriteriaProps {
  value: string;
  onInput: (value: string) => void;
  error?: string | undefined;
  /** Whether the expression can be used, once that is known; a form may wait for it. */
  onVerdict?: (valid: boolean) => void;
}

interface Verdict {
  expression: string;
  check?: CriteriaCheck;
  error?: unknown;
}

const noCompletion: Completion = { from: 0, to: 0, options: [] };

export function CriteriaField({ value, onInput, error, onVerdict }: CriteriaProps) {
  const verdict = useVerdict(value, onVerdict);
  const names = verdict?.check?.names ?? [];
  const [offer, setOffer] = useState(noCompletion);
  const [chosen, setChosen] = useState(0);
  const area = useRef<HTMLTextAreaElement>(null);
  const list = useId();
  const open = offer.options.length > 0;
  const wrong = verdict?.check && !verdict.check.valid && verdict.expression === value;

  const offerAt = (text: string, caret: number) => {
    setOffer(complete(text, caret, names));
    setChosen(0);
  };
  const take = (name: string) => {
    const text = value.slice(0, offer.from) + name + value.slice(offer.to);
    const caret = offer.from + name.length;
    setOffer(noCompletion);
    onInput(text);
    requestAnimationFrame(() => {
      area.current?.focus();
      area.current?.setSelectionRange(caret, caret);
    });
  };
  const insert = (name: string) => {
    const at = area.current?.selectionStart ?? value.length;
    const text = value.slice(0, at) + name + value.slice(at);
    onInput(text);
    requestAnimationFrame(() => {
      area.current?.focus();
      area.current?.setSelectionRange(at + name.length, at + name.length);
    });
  };
  const onKeyDown = (e: KeyboardEvent) => {
    if (!open) return;
    const step = e.key === "ArrowDown" ? 1 : e.key === "ArrowUp" ? -1 : 0;
    const name = offer.options[chosen];
    if (step !== 0) {
      setChosen((chosen + step + offer.options.length) % offer.options.length);
    } else if ((e.key === "Enter" || e.key === "Tab") && name !== undefined) {
      take(name);
    } else if (e.key === "Escape") {
      e.stopPropagation();
      setOffer(noCompletion);
    } else {
      return;
    }
    e.preventDefault();
  };

  return (
    <Field
      label="Selection criteria"
      optional
      error={error}
      hint={<>Which clients get the task, by their attributes, as in Python: <code>data_qnt &gt; 50 and "camera" in sensors</code>. Empty: everyone.</>}
    >
      {(wiring) => (
        <div class="criteria">
          <div class="completed">
            <textarea
              {...wiring}
              ref={area}
              name="selection_criteria"
              class="input mono"
              rows={2}
              spellcheck={false}
              autocomplete="off"
              value={value}
              aria-autocomplete="list"
              aria-haspopup="listbox"
              aria-controls={open ? list : undefined}
              aria-activedescendant={open ? `${list}-${chosen}` : undefined}
              aria-invalid={wrong || error ? "true" : undefined}
              onInput={(e) => {
                onInput(e.currentTarget.value);
                offerAt(e.currentTarget.value, e.currentTarget.selectionStart);
              }}
              onKeyDown={onKeyDown}
              onBlur={() => setOffer(noCompletion)}
            />
            {open && (
              <ul class="completions" id={list} role="listbox" aria-label="Attributes of clients">
                {offer.options.map((name, i) => (
                  <li
                    key={name}
                    id={`${list}-${i}`}
                    role="option"
                    aria-selected={i === chosen}
                    onMouseDown={(e) => {
                      e.preventDefault(); // the focus stays in the field
                      take(name);
                    }}
                  >
                    {name}
                  </li>
                ))}
              </ul>
            )}
          </div>
          <VerdictLine value={value} verdict={verdict} onName={insert} />
        </div>
      )}
    </Field>
  );
}

/** Asks what the expression means, once typing rests. The last answer stays until the next. */
function useVerdict(expression: string, onVerdict: ((valid: boolean) => void) | undefined): Verdict | undefined {
  const [verdict, setVerdict] = useState<Verdict>();
  const tell = useRef(onVerdict);
  tell.current = onVerdict;
  const first = useRef(true);
  useEffect(() => {
    const abort = new AbortController();
    const wait = first.current ? 0 : 300;
    first.current = false;
    const timer = window.setTimeout(() => {
      checkCriteria(expression, abort.signal).then(
        (check) => {
          if (abort.signal.aborted) return;
          setVerdict({ expression, check });
          tell.current?.(check.valid);
        },
        (error: unknown) => {
          if (!abort.signal.aborted && !isAbort(error)) setVerdict((v) => ({ ...v, expression, error }));
        },
      );
    }, wait);
    return () => {
      window.clearTimeout(timer);
      abort.abort();
    };
  }, [expression]);
  return verdict;
}

function VerdictLine({ value, verdict, onName }: { value: string; verdict: Verdict | undefined; onName: (name: string) => void }) {
  const stale = verdict?.expression !== value;
  const check = verdict?.check;
  return (
    <div class={`verdict ${tone(verdict, stale)}`} role="status" aria-label="What the criteria mean">
      {verdict === undefined || (stale && !check) ? (
        <div>Checking…</div>
      ) : verdict.error !== undefined ? (
        <>
          <Icon name="warning" />
          <div>It could not be checked now: {errorText(verdict.error)}</div>
        </>
      ) : check && !check.valid ? (
        <>
          <Icon name="cross" />
          <div>
            {stale ? "Checking…" : check.error}
            {!stale && check.column ? <Caret expression={value} column={check.column} /> : null}
            <Names names={check.names ?? []} onName={onName} />
          </div>
        </>
      ) : check ? (
        <>
          <Icon name={check.matches > 0 ? "check" : "warning"} />
          <div>
            <Matching check={check} />
            {stale && " Checking…"}
            <Names names={check.names ?? []} onName={onName} />
          </div>
        </>
      ) : null}
    </div>
  );
}

function tone(verdict: Verdict | undefined, stale: boolean): string {
  if (!verdict || stale) return "";
  if (verdict.error !== undefined) return "warn";
  if (!verdict.check?.valid) return "bad";
  return verdict.check.matches > 0 ? "good" : "warn";
}

/** How many clients match, and who. */
export function Matching({ check }: { check: CriteriaCheck }) {
  const sample = check.sample ?? [];
  const rest = check.matches - sample.length;
  if (check.clients === 0) return <>No client is known yet; the task will wait for clients that match.</>;
  return (
    <>
      <strong class="num">
        {check.matches} of {plural(check.clients, "client")}
      </strong>{" "}
      {check.matches === 1 ? "matches" : "match"} now{sample.length > 0 ? `: ${sample.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}.` : "."}
      {check.failing > 0 && ` For ${plural(check.failing, "client")} it cannot be evaluated: they lack a name in it.`}
    </>
  );
}

function Caret({ expression, column }: { expression: string; column: number }) {
  const characters = [...expression];
  return (
    <pre class="caret mono">
      {characters.slice(0, column - 1).join("")}
      <mark>{characters[column - 1] ?? " "}</mark>
      {characters.slice(column).join("")}
    </pre>
  );
}

function Names({ names, onName }: { names: string[]; onName: (name: string) => void }) {
  if (names.length === 0) return null;
  return (
    <div class="names" role="group" aria-label="Attributes to use">
      {names.slice(0, 12).map((name) => (
        <button key={name} type="button" class="tag mono name" onClick={() => onName(name)}>
          {name}
        </button>
      ))}
    </div>
  );
}
