/** A value as a tree of lines, of which only those in sight are drawn. Arrow keys go through it, fold and unfold. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useSize } from "../hooks.js";
import { keyOf, linesOf, pathText } from "../text/json-lines.js";
import { number } from "../text/numbers.js";
import { CopyButton, IconButton } from "./button.jsx";
import { Icon } from "./icon.jsx";
import { Text } from "./text.jsx";

const LINE = 26;
const BEYOND = 12;
const MOST_ON_A_LINE = 600;

function Scalar({ value }) {
  if (typeof value === "string") {
    if (value === "") return <span class="value empty">empty</span>;
    return (
      <span class="value string">
        <Text value={value} most={MOST_ON_A_LINE} />
      </span>
    );
  }
  return <span class={`value ${value === null ? "null" : typeof value}`}>{String(value)}</span>;
}

function sizeText({ value, size }) {
  const noun = Array.isArray(value) ? "element" : "field";
  return size === 0 ? `no ${noun}s` : `${number(size)} ${noun}${size === 1 ? "" : "s"}`;
}

function Line({ line, top, isActive, fold, choose, number: at, idOf }) {
  const { path, depth, name, value, size, isFolded } = line;
  const isOpenable = size > 0;
  return (
    <div
      id={idOf(at)}
      role="treeitem"
      aria-level={depth + 1}
      aria-expanded={isOpenable ? !isFolded : undefined}
      aria-selected={isActive}
      class={`json-line ${isActive ? "active" : ""}`}
      style={{ top: `${top}px`, paddingInlineStart: `${8 + Math.min(depth, 12) * 16}px` }}
      onClick={() => {
        choose(at);
        if (isOpenable) fold(path, !isFolded);
      }}
    >
      <span class={`fold ${isOpenable ? "" : "none"} ${isFolded ? "" : "open"}`}>
        {isOpenable && <Icon name="chevron" size={14} />}
      </span>
      {name !== undefined && (
        <span class={typeof name === "number" ? "json-index" : "json-name"}>
          {typeof name === "number" ? name : <Text value={name} most={120} />}
        </span>
      )}
      {size === undefined ? <Scalar value={value} /> : <span class="json-size">{sizeText(line)}</span>}
    </div>
  );
}

/** What stands on the active line, in full. */
function Detail({ line, filter }) {
  const { path, value, size } = line;
  // NOTE: made when it is wanted: a record may have megabytes.
  const text = () =>
    size === undefined ? (typeof value === "string" ? value : String(value)) : JSON.stringify(value, null, 2);
  return (
    <div class="json-detail">
      <div class="json-detail-head">
        <code class="mono">
          {path.length === 0 ? "the whole record" : <Text value={pathText(path)} most={200} />}
        </code>
        <span class="spread" />
        {filter && size === undefined && path.length > 0 && (
          <IconButton
            icon="filter"
            label="Show records with this value"
            onClick={() => filter(path, value)}
          />
        )}
        <CopyButton text={text} label="Copy this value" />
      </div>
      {typeof value === "string" && value.length > 60 && (
        <div class="json-detail-text" tabIndex={0} role="region" aria-label="The text in full">
          <Text value={value} most={100_000} />
        </div>
      )}
    </div>
  );
}

let counter = 0;

export function JsonView({ value, label, filter }) {
  const [folds, setFolds] = useState(() => new Map());
  const [active, setActive] = useState(0);
  const [scroll, setScroll] = useState(0);
  const [ref, { height }] = useSize();
  const [name] = useState(() => `json-${++counter}`);
  const lines = useMemo(() => linesOf(value, folds), [value, folds]);
  const idOf = (at) => `${name}-${at}`;
  const isKeyMove = useRef(false);
  const at = Math.min(active, lines.length - 1);

  useEffect(() => {
    setFolds(new Map());
    setActive(0);
  }, [value]);
  useEffect(() => {
    if (!isKeyMove.current) return;
    isKeyMove.current = false;
    const element = ref.current;
    if (at * LINE < element.scrollTop) element.scrollTop = at * LINE;
    if ((at + 1) * LINE > element.scrollTop + height) element.scrollTop = (at + 1) * LINE - height;
  }, [at, height]);

  const fold = (path, isFolded) => setFolds(new Map(folds).set(keyOf(path), isFolded));
  const onKeyDown = (event) => {
    const line = lines[at];
    const parent = () => {
      let n = at;
      while (n > 0 && lines[n].depth >= line.depth) n--;
      return n;
    };
    const page = Math.max(1, Math.floor(height / LINE) - 1);
    const moves = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: lines.length - 1,
    };
    if (event.key in moves) {
      isKeyMove.current = true;
      setActive(Math.max(0, Math.min(lines.length - 1, moves[event.key])));
    } else if (event.key === "ArrowRight" && line.size > 0) {
      if (line.isFolded) fold(line.path, false);
      else setActive(at + 1);
    } else if (event.key === "ArrowLeft") {
      if (line.size > 0 && !line.isFolded) fold(line.path, true);
      else setActive(parent());
    } else if ((event.key === "Enter" || event.key === " ") && line.size > 0) fold(line.path, !line.isFolded);
    else return;
    event.preventDefault();
  };

  const first = Math.max(0, Math.floor(scroll / LINE) - BEYOND);
  const last = Math.min(lines.length, Math.ceil((scroll + height) / LINE) + BEYOND);
  return (
    <div class="json">
      <div
        ref={ref}
        class="json-lines"
        role="tree"
        tabIndex={0}
        aria-label={label}
        aria-activedescendant={at >= first && at < last ? idOf(at) : undefined}
        onKeyDown={onKeyDown}
        onScroll={(event) => setScroll(event.currentTarget.scrollTop)}
      >
        <div class="json-room" style={{ height: `${lines.length * LINE}px` }} role="none">
          {lines.slice(first, last).map((line, n) => (
            <Line
              key={keyOf(line.path)}
              line={line}
              number={first + n}
              top={(first + n) * LINE}
              isActive={first + n === at}
              fold={fold}
              choose={setActive}
              idOf={idOf}
            />
          ))}
        </div>
      </div>
      {lines[at] && <Detail line={lines[at]} filter={filter} />}
    </div>
  );
}
