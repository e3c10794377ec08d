/** All records, those that are searched for, or those of an earlier time. */
import { useMemo, useRef, useState } from "preact/hooks";
import { useCall, useChanged, useStored } from "../../hooks.js";
import { counted, moment, number } from "../../text/numbers.js";
import { amend } from "../../browser/route.js";
import { IconButton } from "../../parts/button.jsx";
import { Icon } from "../../parts/icon.jsx";
import { Empty, Failure, Loading } from "../../parts/notice.jsx";
import { ColumnMenu } from "./column-menu.jsx";
import { firstColumns } from "./columns.js";
import { Panel } from "./panel.jsx";
import { useRows } from "./rows.js";
import { Search, asked } from "./search.jsx";
import { Selection } from "./selection.jsx";
import { Table } from "./table.jsx";

const NONE = new Set();
/** The fields of the records are looked for again at most so often. */
const COLUMNS_MS = 3000;

function Count({ rows, overview, isFiltered }) {
  const { total, more, isComplete, isStale, isLoading, refresh } = rows;
  const all = overview.records ?? 0;
  return (
    <p class="count" role="status">
      {isLoading && <span class="spinner" aria-hidden="true" />}
      <strong>{isLoading && total === 0 ? "…" : number(total)}</strong>{" "}
      {isFiltered ? `of ${counted(all, "record")}` : total === 1 ? "record" : "records"}
      {more > 0 && (
        <span title="Sort the other way, or find fewer with a query, to see others">
          {" "}
          in this order, {number(more)} more not shown
        </span>
      )}
      {!isComplete && " so far"}
      {isStale && (
        <button
          type="button"
          class="link"
          onClick={() => refresh(true)}
          title="The store has changed since these rows were listed"
        >
          Refresh
        </button>
      )}
    </p>
  );
}

function AsOf({ at, leave }) {
  if (!at) return null;
  return (
    <p class="as-of">
      <Icon name="time" size={16} />
      As of {/^p\d/.test(at) ? "an operation" : moment(at)}
      <IconButton icon="close" label="Show the records of now" onClick={leave} />
    </p>
  );
}

/** The columns that a listing has at first. They stay while it is looked at, whatever fields come. */
function useFirstColumns({ data, isFresh }, key) {
  const first = useRef({ key: null, columns: [] });
  const { key: known, columns } = first.current;
  if (data && isFresh && (known !== key || columns.length === 0))
    first.current = { key, columns: firstColumns(data.columns) };
  return first.current.columns;
}

export function RecordsView({ args, overview }) {
  const { mode = "id", text = "", sort, at, id, tab = "value" } = args;
  const [chosenColumns, setChosenColumns] = useStored(`columns.${overview.folder}`, null);
  const [chosen, setChosen] = useState(NONE);
  const [failure, setFailure] = useState(null);
  const question = useMemo(() => asked(mode, text), [mode, text]);
  const { wrong, ...search } = question;
  const listing = { ...search, ...(sort && { sort }), ...(at && { at }) };
  const found = useCall("columns", listing);
  useChanged(() => at === undefined && found.reload(), COLUMNS_MS);
  const first = useFirstColumns(found, JSON.stringify(listing));
  const columns = chosenColumns ?? first;
  const rows = useRows({ ...listing, columns });
  const change = (more, options) => amend("records", more, options);
  const isFiltered = search.search !== undefined || search.query !== undefined;

  const choose = (record) => {
    const next = new Set(chosen);
    if (!next.delete(record)) next.add(record);
    setChosen(next);
  };
  const sortBy = (name, way) => change({ sort: way === undefined ? undefined : { [name]: way } });
  const filter = (condition) => {
    const before = mode === "query" && text.trim() !== "" && !text.trim().startsWith("{") ? `${text}, ` : "";
    change({ mode: "query", text: `${before}${condition}` });
  };

  const isEmpty = !rows.isLoading && rows.error === null && rows.total === 0 && rows.isComplete;
  return (
    <div class={`view records ${id === undefined ? "" : "with-panel"}`}>
      <div class="records-main">
        <div class="tools">
          <Search
            mode={mode}
            text={text}
            wrong={wrong}
            onChange={(nextMode, next) => change({ mode: nextMode, text: next })}
          />
          <AsOf at={at} leave={() => change({ at: undefined })} />
          <span class="spread" />
          <Count rows={rows} overview={overview} isFiltered={isFiltered || at !== undefined} />
          <ColumnMenu
            found={found.data?.columns ?? []}
            more={found.data?.more ?? 0}
            shown={columns}
            onChange={setChosenColumns}
          />
          <Selection
            chosen={chosen}
            clear={() => setChosen(NONE)}
            wanted={listing}
            total={rows.total}
            columns={columns}
            onFailure={setFailure}
          />
        </div>
        <Failure error={rows.error ?? failure} retry={() => (setFailure(null), rows.refresh(true))} />
        {rows.isLoading && rows.total === 0 && <Loading what="Reading records" />}
        {isEmpty &&
          (isFiltered ? (
            <Empty icon="search" title="No record is found">
              {mode === "id"
                ? "Part of an id is enough; capitals do not matter."
                : "A field that is not there has no value."}
            </Empty>
          ) : (
            <Empty title={at ? "There was no record yet" : "The store is empty"}>
              {at ? "Choose a later time." : "The first record that a program writes appears here by itself."}
            </Empty>
          ))}
        {rows.error === null && rows.total > 0 && (
          <Table
            rows={rows}
            columns={columns}
            sort={sort}
            onSort={sortBy}
            opened={id}
            open={(record) => change({ id: record }, { replace: id !== undefined })}
            chosen={chosen}
            choose={choose}
            label="Records"
          />
        )}
      </div>
      {id !== undefined && (
        <Panel
          id={id}
          at={at}
          tab={tab}
          setTab={(next) => change({ tab: next === "value" ? undefined : next }, { replace: true })}
          close={() => change({ id: undefined, tab: undefined })}
          filter={filter}
          overview={overview}
        />
      )}
    </div>
  );
}
