// Form fields: a label, the control, a hint, and a message when something is wrong.
import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { Icon } from "./icon";

export interface FieldProps {
  label: string;
  /** What belongs there; always visible. */
  hint?: ComponentChildren;
  /** What is wrong with it now. */
  error?: string | undefined;
  optional?: boolean;
}

interface Wiring {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": "true" | undefined;
}

/** The frame of any control: the control gets its wiring by spreading what the function is given. */
export function Field({ label, hint, error, optional, children }: FieldProps & { children: (wiring: Wiring) => ComponentChildren }) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div class={`field${error ? " invalid" : ""}`}>
      <label for={id}>
        {label}
        {optional && <span class="optional"> (optional)</span>}
      </label>
      {children({ id, "aria-describedby": described || undefined, "aria-invalid": error ? "true" : undefined })}
      {error && (
        <p class="field-error" id={`${id}-error`}>
          <Icon name="warning" />
          {error}
        </p>
      )}
      {hint && (
        <p class="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

export interface TextProps extends FieldProps {
  name: string;
  value: string;
  onInput: (value: string) => void;
  onBlur?: () => void;
  type?: "text" | "password" | "number";
  /** More than one: a text area of so many lines. */
  lines?: number;
  placeholder?: string;
  required?: boolean;
  autofocus?: boolean;
  autocomplete?: string;
  /** In the font of code. */
  mono?: boolean;
  inputMode?: "numeric" | "text";
}

export function TextField(p: TextProps) {
  const [shown, setShown] = useState(false);
  return (
    <Field label={p.label} hint={p.hint} error={p.error} {...(p.optional ? { optional: true } : {})}>
      {(wiring) => {
        const common = {
          ...wiring,
          name: p.name,
          value: p.value,
          placeholder: p.placeholder,
          required: p.required,
          autofocus: p.autofocus,
          spellcheck: false,
          autocapitalize: "none" as const,
          class: `input${p.mono ? " mono" : ""}`,
          onInput: (e: Event) => p.onInput((e.currentTarget as HTMLInputElement).value),
          ...(p.onBlur ? { onBlur: p.onBlur } : {}),
        };
        if (p.lines && p.lines > 1) return <textarea {...common} rows={p.lines} autocomplete="off" />;
        const input = (
          <input
            {...common}
            type={p.type === "password" && shown ? "text" : p.type === "number" ? "text" : (p.type ?? "text")}
            inputMode={p.type === "number" ? "numeric" : p.inputMode}
            autocomplete={p.autocomplete ?? "off"}
          />
        );
        if (p.type !== "password") return input;
        return (
          <div class="input-row">
            {input}
            <button type="button" class="button ghost small" aria-pressed={shown} onClick={() => setShown(!shown)}>
              {shown ? "Hide" : "Show"}
            </button>
          </div>
        );
      }}
    </Field>
  );
}

export interface SelectProps extends FieldProps {
  name: string;
  value: string;
  onChange: (value: string) => void;
  options: { value: string; label: string }[];
}

export function SelectField(p: SelectProps) {
  return (
    <Field label={p.label} hint={p.hint} error={p.error}>
      {(wiring) => (
        <select {...wiring} name={p.name} class="input" value={p.value} onChange={(e) => p.onChange(e.currentTarget.value)}>
          {p.options.map((o) => (
            <option key={o.value} value={o.value}>
              {o.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function Checkbox({ label, checked, onChange, hint }: { label: ComponentChildren; checked: boolean; onChange: (checked: boolean) => void; hint?: ComponentChildren }) {
  const id = useId();
  return (
    <div class="checkbox">
      <input type="checkbox" id={id} checked={checked} aria-describedby={hint ? `${id}-hint` : undefined} onChange={(e) => onChange(e.currentTarget.checked)} />
      <label for={id}>{label}</label>
      {hint && (
        <p class="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** A list of words: Enter or a comma adds one, Backspace in an empty field takes the last off. */
export function TagsField(p: FieldProps & { name: string; values: string[]; onChange: (values: string[]) => void; placeholder?: string; mono?: boolean }) {
  const [text, setText] = useState("");
  const add = () => {
    const fresh = text.split(",").map((t) => t.trim()).filter((t) => t !== "" && !p.values.includes(t));
    if (fresh.length > 0) p.onChange([...p.values, ...new Set(fresh)]);
    setText("");
  };
  return (
    <Field label={p.label} hint={p.hint} error={p.error} {...(p.optional ? { optional: true } : {})}>
      {(wiring) => (
        <div class={`tags input${p.mono ? " mono" : ""}`}>
          {p.values.map((value) => (
            <span class="tag" key={value}>
              {value}
              <button type="button" aria-label={`Remove ${value}`} onClick={() => p.onChange(p.values.filter((v) => v !== value))}>
                <Icon name="cross" />
              </button>
            </span>
          ))}
          <input
            {...wiring}
            name={p.name}
            value={text}
            placeholder={p.values.length === 0 ? p.placeholder : undefined}
            autocomplete="off"
            spellcheck={false}
            onInput={(e) => setText(e.currentTarget.value)}
            onBlur={add}
            onKeyDown={(e) => {
              if ((e.key === "Enter" && text.trim() !== "") || e.key === ",") {
                e.preventDefault();
                add();
              } else if (e.key === "Backspace" && text === "") {
                p.onChange(p.values.slice(0, -1));
              }
            }}
          />
        </div>
      )}
    </Field>
  );
}
