import { useEffect, useRef, useState } from "preact/hooks";
import { Link, Route, Switch, useLocation } from "wouter-preact";
import { Account } from "./access/account";
import { SignInDialog, SignInPage } from "./access/sign-in";
import { useSession } from "./access/use-session";
import type { LiveStatus } from "./api/live";
import { session } from "./api/session";
import { useLiveStatus } from "./api/use-live";
import { ConnectionBanner } from "./connection";
import { useKeys } from "./keys";
import { KeyboardHelp } from "./keyboard-help";
import { lazyPage } from "./lazy";
import { idIn } from "./path";
import { useTheme, type Theme, type ThemeChoice } from "./theme";
import { Button } from "./ui/button";
import { Icon, type IconName } from "./ui/icon";
import { Mark } from "./ui/mark";
import { Toasts } from "./ui/toast";

const Overview = lazyPage(() => import("./pages/overview"));
const Tasks = lazyPage(() => import("./pages/tasks"));
const NewTask = lazyPage(() => import("./pages/tasks/new"));
const Task = lazyPage(() => import("./pages/task"));
const Clients = lazyPage(() => import("./pages/clients"));
const Client = lazyPage(() => import("./pages/client"));
const Timeline = lazyPage(() => import("./pages/timeline"));
const Access = lazyPage(() => import("./pages/access"));
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

/** The console, for whoever may see it. Where a session ends, its page stays under the sign-in. */
export function App() {
  const standing = useSession();
  const theme = useTheme();
  if (standing.is === "asking") return null;
  if (standing.is === "out") return <SignInPage />;
  return (
    <>
      <Frame key={session.generation} theme={theme} />
      {standing.is === "ended" && <SignInDialog name={standing.operator?.name} />}
    </>
  );
}

/** The frame around all pages. */
function Frame({ theme }: { theme: ThemeChoice }) {
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
      <Sidebar path={path} theme={theme} onHelp={() => setHelp(true)} />
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
            <Route path="/access" component={Access} />
            <Route component={NotFound} />
          </Switch>
        </main>
      </div>
      <Toasts />
      {help && <KeyboardHelp onClose={() => setHelp(false)} />}
    </div>
  );
}

function Sidebar({ path, theme: [theme, choose], onHelp }: { path: string; theme: ThemeChoice; onHelp: () => void }) {
  const status = useLiveStatus();
  const standing = useSession();
  const operator = "operator" in standing ? standing.operator : undefined;
  const shown = operator ? [...places, { href: "/access", label: "Access", icon: "key" as const }] : places;
  const next = nextTheme[theme];
  return (
    <header class="side">
      <Link href="/" class="brand">
        <Mark />
        AGATA
      </Link>
      <nav class="nav" aria-label="Main">
        {shown.map((p) => {
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
        {operator && <Account operator={operator} />}
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
