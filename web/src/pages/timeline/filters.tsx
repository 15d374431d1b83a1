import { useEffect, useId, useState } from "preact/hooks";
import * as api from "../../api/client";
import { useAsk } from "../../api/use";
import { isFiltered, noFilter, type Filter } from "../../timeline/filter";
import { serviceName, services } from "../../timeline/lanes";
import { Button } from "../../ui/button";
import { SearchBox } from "../../ui/search";

interface Props {
  filter: Filter;
  onChange: (f: Filter) => void;
  /** Fields that the place fixes and that are not offered: of a task's own timeline, the task. */
  fixed: (keyof Filter)[];
  /** What a file offers to choose from; null: the cloud is asked. */
  known: { tasks: string[]; clients: string[]; services: string[] } | null;
}

/** Narrows a timeline by text, task, client and service. */
export function Filters({ filter, onChange, fixed, known }: Props) {
  const tasks = useNames(filter.task, known?.tasks, async (q, signal) => (await api.listTasks({ q, limit: 20 }, signal)).tasks?.map((t) => t.ID) ?? []);
  const clients = useNames(filter.client, known?.clients, async (q, signal) => (await api.listClients({ q, limit: 20 }, signal)).clients?.map((c) => c.ID) ?? []);
  const free = (name: keyof Filter) => !fixed.includes(name);
  return (
    <div class="tl-filters" role="search" aria-label="Filter events">
      <SearchBox label="Search events" placeholder="Search events by text or function" value={filter.text} onSearch={(text) => onChange({ ...filter, text })} />
      {free("task") && <Name label="Task" {...tasks} value={filter.task} onChange={(task) => onChange({ ...filter, task })} />}
      {free("client") && <Name label="Client" {...clients} value={filter.client} onChange={(client) => onChange({ ...filter, client })} />}
      <select class="input" aria-label="Service" value={filter.service} onChange={(e) => onChange({ ...filter, service: e.currentTarget.value })}>
        <option value="">All services</option>
        {(known?.services ?? services).map((s) => (
          <option key={s} value={s}>{serviceName(s)}</option>
        ))}
      </select>
      {isFiltered({ ...filter, ...Object.fromEntries(fixed.map((f) => [f, ""])) }) && (
        <Button size="small" variant="ghost" icon="cross" onClick={() => onChange({ ...noFilter, ...Object.fromEntries(fixed.map((f) => [f, filter[f]])) })}>
          Clear
        </Button>
      )}
    </div>
  );
}

/** Names to choose from, asked for while one is typed. */
function useNames(value: string, known: string[] | undefined, ask: (q: string, signal: AbortSignal) => Promise<string[]>) {
  const [typed, setTyped] = useState<string | null>(null);
  const asked = useAsk(known || typed === null ? null : typed, (signal) => ask(typed ?? "", signal));
  return { names: known ?? asked.data ?? (value ? [value] : []), onType: setTyped };
}

function Name({ label, value, names, onType, onChange }: { label: string; value: string; names: string[]; onType: (q: string) => void; onChange: (v: string) => void }) {
  const id = useId();
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const choose = (v: string) => v !== value && onChange(v);
  return (
    <>
      <input
        class="input"
        list={id}
        aria-label={label}
        placeholder={`${label}: any`}
        autocomplete="off"
        spellcheck={false}
        value={text}
        onFocus={() => onType(text)}
        onInput={(e) => {
          const v = e.currentTarget.value;
          setText(v);
          onType(v);
          if (v === "" || names.includes(v)) choose(v);
        }}
        onChange={(e) => choose(e.currentTarget.value.trim())}
      />
      <datalist id={id}>
        {names.map((n) => (
          <option key={n} value={n} />
        ))}
      </datalist>
    </>
  );
}
