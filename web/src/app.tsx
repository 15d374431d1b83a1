import { useEffect, useRef, useState } from "preact/hooks";
import { Link, Route, Switch, useLocation } from "wouter-preact";
import type { LiveStatus } from "./api/live";
import { useLiveStatus } from "./api/use-live";
import { ConnectionBanner } from "./connection";
import { useKeys } from "./keys";
import { KeyboardHelp } from "./keyboard-help";
import { lazyPage } from "./lazy";
import { idIn } from "./path";
import { useTheme, type Theme } from "./theme";
import { Button } from "./ui/button";
import { Icon, type IconName } from "./ui/icon";
import { Toasts } from "./ui/toast";

const Overview = lazyPage(() => import("./pages/overview"));
const Tasks = lazyPage(() => import("./pages/tasks"));
const NewTask = lazyPage(() => import("./pages/tasks/new"));
const Task = lazyPage(() => import("./pages/task"));
const Clients = lazyPage(() => import("./pages/clients"));
const Client = lazyPage(() => import("./pages/client"));
const Timeline = lazyPage(() => import("./pages/timeline"));
const NotFound = lazyPage(() => import("./pages/not-found"));

const places: { href: string; label: string; icon: IconName }[] = [
  { href: "/", label: "Overview", icon: "overview" },
  { href: "/tasks", label: "Tasks", icon: "tasks" },
  { href: "/clients", label: "Clients", icon: "clients" },
  { href: "/timeline", label: "Timeline", icon: "timeline" },
];

const nextTheme: Record<Theme, { theme: Theme; icon: IconName; now: string }> = {
  system: { theme: "light", icon: "system", now: "the system's" },
  light: { theme: "dark", icon: "sun", now: "light" },
  dark: { theme: "system", icon: "moon", now: "dark" },
};

// A page that follows nothing has no connection to tell of.
const linkWords: Record<LiveStatus, string> = { idle: "", connecting: "Connecting", open: "Live", lost: "Connection lost" };

/** The frame around all pages. */
export function App() {
  const [path] = useLocation();
  const [help, setHelp] = useState(false);
  useKeys(() => setHelp(true));
  const main = useRef<HTMLElement>(null);
  const id = idIn(window.location.pathname);
  const page = path.split("/").slice(0, 3).join("/");
  const first = useRef(true);
  useEffect(() => {
    // A new page begins at its top, for the eye and for a screen reader.
    if (!first.current) {
      window.scrollTo(0, 0);
      main.current?.focus({ preventScroll: true });
    }
    first.current = false;
  }, [page]);
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); main.current?.focus(); }}>
        Skip to content
      </a>
      <Sidebar path={path} onHelp={() => setHelp(true)} />
      <div class="content">
        <ConnectionBanner />
        <main id="main" ref={main} tabIndex={-1}>
          <Switch>
            <Route path="/" component={Overview} />
            <Route path="/tasks" component={Tasks} />
            <Route path="/tasks/new" component={NewTask} />
            <Route path="/tasks/:id/:tab?">{(p) => <Task key={id} id={id} tab={p.tab ?? ""} />}</Route>
            <Route path="/clients" component={Clients} />
            <Route path="/clients/:id">{() => <Client key={id} id={id} />}</Route>
            <Route path="/timeline" component={Timeline} />
            <Route component={NotFound} />
          </Switch>
        </main>
      </div>
      <Toasts />
      {help && <KeyboardHelp onClose={() => setHelp(false)} />}
    </div>
  );
}

function Sidebar({ path, onHelp }: { path: string; onHelp: () => void }) {
  const status = useLiveStatus();
  const [theme, choose] = useTheme();
  const next = nextTheme[theme];
  return (
    <header class="side">
      <Link href="/" class="brand">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="8" fill="#4a54d6" />
          <path d="M9.5 23 16 9l6.5 14M12 18.5h8" fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round" />
          <circle cx="16" cy="9" r="2.6" fill="#fff" />
        </svg>
        AGATA
      </Link>
      <nav class="nav" aria-label="Main">
        {places.map((p) => {
          const here = p.href === "/" ? path === "/" : path === p.href || path.startsWith(`${p.href}/`);
          return (
            <Link key={p.href} href={p.href} aria-current={here ? "page" : undefined}>
              <Icon name={p.icon} />
              {p.label}
            </Link>
          );
        })}
      </nav>
      <div class="side-foot">
        <div class={`link-state ${status}`}>
          <span class="words">{linkWords[status]}</span>
        </div>
        <div class="side-tools">
          <Button variant="ghost" size="small" icon={next.icon} label={`Theme: ${next.now}. Change to ${nextTheme[next.theme].now}`} onClick={() => choose(next.theme)} />
          <Button variant="ghost" size="small" class="keys" icon="keyboard" label="Keyboard shortcuts" onClick={onHelp} />
        </div>
      </div>
    </header>
  );
}
