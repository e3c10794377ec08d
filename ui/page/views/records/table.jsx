/** The table of records: rows of one height, of which those in sight are drawn; arrow keys, Enter and the space bar. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../../parts/icon.jsx";
import { Id, Text } from "../../parts/text.jsx";
import { Preview } from "../../parts/value.jsx";
import { useSize } from "../../hooks.js";
import { ID, isSortable, titleOf, widthsOf } from "./columns.js";
import { placesOf, scrollTo } from "./scrolling.js";

const ROW = 38;
const BEYOND = 6;
const NEXT = { 1: -1, [-1]: undefined };

function Header({ name, title, sort, onSort, at }) {
  const way = sort?.[name];
  const order = way === undefined ? "none" : way === 1 ? "ascending" : "descending";
  if (!onSort) {
    return (
      <div role="columnheader" aria-colindex={at} class="cell head">
        <Text value={title} most={60} />
      </div>
    );
  }
  return (
    <div
      role="columnheader"
      aria-colindex={at}
      aria-sort={order}
      class={`cell head ${name === ID ? "id-cell" : ""}`}
    >
      <button type="button" class="sorter" onClick={() => onSort(name, way === undefined ? 1 : NEXT[way])}>
        <Text value={title} most={60} />
        <span class={`sort-mark ${order}`}>
          <Icon name="up" size={14} />
        </span>
      </button>
    </div>
  );
}

function Row({ row, at, top, columns, isActive, isOpen, isChosen, choose, open, idOf }) {
  const common = {
    id: idOf(at),
    role: "row",
    "aria-rowindex": at + 2,
    style: { top: `${top}px` },
  };
  if (row === undefined) {
    return (
      <div {...common} class="row waiting">
        <div role="gridcell" class="cell pick" />
        <div role="gridcell" class="cell">
          <span class="bone" />
        </div>
      </div>
    );
  }
  const states = [isActive && "active", isOpen && "opened", isChosen && "chosen", row.isGone && "gone"];
  return (
    <div
      {...common}
      aria-selected={isChosen}
      class={`row ${states.filter(Boolean).join(" ")}`}
      onClick={() => open(row.id, at)}
    >
      <div
        role="gridcell"
        class="cell pick"
        onClick={(event) => {
          event.stopPropagation();
          choose(row.id, at);
        }}
      >
        <span class="box">{isChosen && <Icon name="check" size={14} />}</span>
      </div>
      <div role="gridcell" aria-colindex={1} class="cell id-cell">
        <Id value={row.id} most={120} />
      </div>
      {columns.map((name, n) => (
        <div key={name} role="gridcell" aria-colindex={n + 2} class={`cell ${row.cells[n]?.kind ?? ""}`}>
          {row.isGone
            ? n === 0 && <span class="quiet">deleted meanwhile</span>
            : row.cells[n] && <Preview value={row.cells[n]} />}
        </div>
      ))}
    </div>
  );
}

/** The widths of the columns: they grow with what is scrolled to, and do not shrink. */
function useWidths({ rowAt, key }, columns, from, to) {
  const known = useRef({ key: null });
  const seen = [];
  for (let at = from; at < to; at++) if (rowAt(at) !== undefined) seen.push(rowAt(at));
  const widths = widthsOf(columns, seen);
  const before = known.current;
  const isSame = before.key === key && before.widths.length === widths.length;
  known.current = {
    key,
    widths: isSame ? widths.map((width, n) => Math.max(width, before.widths[n])) : widths,
  };
  return known.current.widths;
}

export function Table({ rows, columns, sort, onSort, opened, open, chosen, choose, label }) {
  const [ref, { height }] = useSize();
  const [scroll, setScroll] = useState(0);
  const [active, setActive] = useState(0);
  const wasKey = useRef(false);
  const { total, rowAt, see, order } = rows;
  const inside = Math.max(0, height - ROW);
  const {
    height: room,
    first,
    last,
    topOf,
  } = placesOf({ count: total, row: ROW, window: inside, scrollTop: scroll });
  const from = Math.max(0, first - BEYOND);
  const to = Math.min(total, last + BEYOND);
  const at = Math.min(active, Math.max(0, total - 1));
  const idOf = (number) => `row-${number}`;

  useEffect(() => {
    if (inside > 0) see(from, to);
  }, [from, to, see, inside]);
  useEffect(() => {
    ref.current.scrollTop = 0;
    setScroll(0);
    setActive(0);
  }, [order]);
  useLayoutEffect(() => {
    if (!wasKey.current) return;
    wasKey.current = false;
    const next = scrollTo({ at, count: total, row: ROW, window: inside, scrollTop: scroll });
    if (next !== scroll) ref.current.scrollTop = next;
  }, [at]);

  const onKeyDown = (event) => {
    if (event.target !== event.currentTarget) return;
    const page = Math.max(1, Math.floor(inside / ROW) - 1);
    const moves = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: total - 1,
    };
    const row = rowAt(at);
    if (event.key in moves) {
      wasKey.current = true;
      setActive(Math.max(0, Math.min(total - 1, moves[event.key])));
    } else if (event.key === "Enter" && row) open(row.id, at);
    else if (event.key === " " && row) choose(row.id, at);
    else return;
    event.preventDefault();
  };

  const widths = useWidths(rows, columns, from, to);
  const style = { "--widths": `${widths.map((width) => `calc(${width}ch + 26px)`).join(" ")} 1fr` };
  const shown = [];
  for (let number = from; number < to; number++) shown.push(number);
  return (
    <div
      ref={ref}
      class="table"
      role="grid"
      tabIndex={0}
      aria-label={label}
      aria-rowcount={total + 1}
      aria-colcount={columns.length + 1}
      aria-multiselectable="true"
      aria-activedescendant={at >= from && at < to ? idOf(at) : undefined}
      style={style}
      onScroll={(event) => setScroll(event.currentTarget.scrollTop)}
      onKeyDown={onKeyDown}
    >
      <div role="rowgroup" class="heads">
        <div role="row" aria-rowindex={1} class="row heading">
          <div role="columnheader" class="cell pick head">
            <span class="unseen">Chosen</span>
          </div>
          <Header name={ID} title="id" sort={sort} onSort={onSort} at={1} />
          {columns.map((name, n) => (
            <Header
              key={name}
              name={name}
              title={titleOf(name)}
              sort={sort}
              onSort={isSortable(name) ? onSort : undefined}
              at={n + 2}
            />
          ))}
        </div>
      </div>
      <div role="rowgroup" class="room" style={{ height: `${room}px` }}>
        {shown.map((number) => {
          const row = rowAt(number);
          return (
            <Row
              key={number}
              row={row}
              at={number}
              top={topOf(number)}
              columns={columns}
              isActive={number === at}
              isOpen={row !== undefined && row.id === opened}
              isChosen={row !== undefined && chosen.has(row.id)}
              open={(id, n) => {
                setActive(n);
                open(id);
              }}
              choose={(id, n) => {
                setActive(n);
                choose(id);
              }}
              idOf={idOf}
            />
          );
        })}
      </div>
    </div>
  );
}
