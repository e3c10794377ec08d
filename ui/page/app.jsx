/** The frame of the page: which store it is, the views, and what the server tells. */
import { useEffect, useState } from "preact/hooks";
import { useCall, useEvents } from "./hooks.js";
import { emit } from "./server/events.js";
import { counted } from "./text/numbers.js";
import { hrefOf, useRoute } from "./browser/route.js";
import { THEMES, useTheme } from "./browser/theme.js";
import { IconButton } from "./parts/button.jsx";
import { Icon } from "./parts/icon.jsx";
import { Failure, Loading } from "./parts/notice.jsx";
import { Text } from "./parts/text.jsx";
import { HealthView } from "./views/health/view.jsx";
import { HistoryView } from "./views/history/view.jsx";
import { LiveView } from "./views/live/view.jsx";
import { RecordsView } from "./views/records/view.jsx";
import { SpaceView } from "./views/space/view.jsx";
import { TimeView } from "./views/time/view.jsx";

const VIEWS = [
  ["records", "Records", RecordsView],
  ["history", "History", HistoryView],
  ["time", "Time", TimeView],
  ["space", "Space", SpaceView],
  ["health", "Health", HealthView],
  ["live", "Live", LiveView],
];

function Navigation({ current }) {
  return (
    <nav class="rail" aria-label="Views">
      <span class="brand" aria-hidden="true">
        <svg width="26" height="26" viewBox="0 0 32 32">
          <rect width="32" height="32" rx="8" class="brand-back" />
          <path d="M9 10h14M9 16h9M9 22h12" class="brand-lines" />
          <circle cx="23" cy="16" r="1.9" class="brand-dot" />
        </svg>
        <span class="brand-name">opslog</span>
      </span>
      <ul>
        {VIEWS.map(([name, title]) => (
          <li key={name}>
            <a href={hrefOf(name)} aria-current={name === current ? "page" : undefined}>
              <Icon name={name} size={20} />
              <span>{title}</span>
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Status({ overview, isConnected }) {
  if (!isConnected) return <span class="status off">Not connected</span>;
  if (overview.failure) return <span class="status bad">Not open</span>;
  return <span class="status on">Following</span>;
}

function Head({ overview, isConnected }) {
  const [theme, setTheme] = useTheme();
  const at = THEMES.findIndex(([name]) => name === theme);
  const [, title, icon] = THEMES[Math.max(0, at)];
  const [next] = THEMES[(at + 1) % THEMES.length];
  const { folder, records, write } = overview;
  const parts = folder.split(/[/\\]/);
  return (
    <header class="head-bar">
      <h1 title={folder}>
        <span class="folder-path">
          <Text value={`${parts.slice(0, -1).join("/")}/`} most={200} />
        </span>
        <span class="folder-name">
          <Text value={parts.at(-1)} most={80} />
        </span>
      </h1>
      <span class="spread" />
      {records !== undefined && <span class="quiet wide-only">{counted(records, "record")}</span>}
      <Status overview={overview} isConnected={isConnected} />
      <span class={`mode ${write ? "write" : ""}`}>{write ? "Can write" : "Read-only"}</span>
      <IconButton icon={icon} label={`Colours: ${title}. Change`} onClick={() => setTheme(next)} />
    </header>
  );
}

export function App() {
  const { view, args } = useRoute();
  const first = useCall("overview", {});
  const [overview, setOverview] = useState(null);
  const [isConnected, setConnected] = useState(true);
  const [round, setRound] = useState(0);
  const known = overview ?? first.data;
  useEvents("connection", setConnected);
  useEvents("state", (state) => {
    setOverview(state);
    if (!known || known.version === state.version) return;
    // What was changed before the server was heard is looked for; a store that was opened anew is looked at anew.
    if (state.isFirst && state.failure === null) emit("missed", state);
    else setRound((n) => n + 1);
  });
  useEvents("changes", ({ version, records }) =>
    setOverview((before) => before && { ...before, version, records }),
  );
  const [name, title, View] = VIEWS.find(([each]) => each === view) ?? VIEWS[0];
  useEffect(() => {
    if (known) document.title = `${title} · ${known.folder.split(/[/\\]/).at(-1)} · opslog`;
  }, [title, known?.folder]);
  if (!known) {
    return (
      <main class="alone">
        {first.error ? <Failure error={first.error} retry={first.reload} /> : <Loading what="Opening" />}
      </main>
    );
  }
  const isUsable = known.failure === null || name === "health";
  return (
    <div class="shell">
      <a
        class="skip"
        href="#main"
        onClick={(event) => (event.preventDefault(), document.getElementById("main").focus())}
      >
        To the content
      </a>
      <Navigation current={name} />
      <Head overview={known} isConnected={isConnected} />
      <main id="main" tabIndex={-1}>
        {!isConnected && (
          <div class="notice bad" role="alert">
            <Icon name="warn" />
            <p>
              The program that serves this page does not answer. If it has ended, start it again and open the
              address that it prints.
            </p>
          </div>
        )}
        {!isUsable && <Failure error={known.failure} />}
        {!isUsable && (
          <p class="pad">
            The store cannot be shown. It is tried again every two seconds;{" "}
            <a href={hrefOf("health")}>Health</a> checks its files.
          </p>
        )}
        {isUsable && <View key={`${name} ${round}`} args={args} overview={known} />}
      </main>
    </div>
  );
}
