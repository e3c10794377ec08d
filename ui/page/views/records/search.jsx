/** The search: for ids, or with a query. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Choice, IconButton } from "../../parts/button.jsx";
import { Icon } from "../../parts/icon.jsx";
import { QueryWrong, readQuery } from "../../text/query-text.js";

const HINTS = {
  id: "Part of an id",
  query: 'status: "open", due: {$lt: "2026-12-01"}',
};

/** The text of the field, and what it asks for: `{ search }`, `{ query }`, or `{ wrong }`. */
export function asked(mode, text) {
  if (mode === "id") return text === "" ? {} : { search: text };
  try {
    const query = readQuery(text);
    return query === undefined ? {} : { query };
  } catch (error) {
    if (error instanceof QueryWrong) return { wrong: error.message };
    throw error;
  }
}

/** What is typed is searched for once it has rested so long. */
const REST_MS = { id: 250, query: 600 };

/**
 * The text of the field: what was typed last, or what the address was changed to by something else. The address follows what is typed, and
 * is not copied back: on a slow machine more has been typed by then.
 */
function useTyped(mode, text, onChange) {
  const [typed, setTyped] = useState(text);
  const timer = useRef(null);
  const sent = useRef(null);
  const latest = useRef(null);
  latest.current = { mode, text, onChange };
  const keyOf = (...parts) => JSON.stringify(parts);

  /** Searches at once. */
  const send = (nextMode, next) => {
    clearTimeout(timer.current);
    timer.current = null;
    setTyped(next);
    const now = latest.current;
    if (nextMode === now.mode && next === now.text) return;
    sent.current = keyOf(nextMode, next);
    now.onChange(nextMode, next);
  };
  const type = (next) => {
    setTyped(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => send(latest.current.mode, next), REST_MS[mode]);
  };
  const isWaiting = () => timer.current !== null;

  useLayoutEffect(() => {
    const isMine = sent.current === keyOf(mode, text);
    sent.current = null;
    if (isMine) return;
    clearTimeout(timer.current);
    timer.current = null;
    setTyped(text);
  }, [mode, text]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return { typed, type, send, isWaiting };
}

export function Search({ mode, text, wrong, onChange }) {
  const { typed, type, send, isWaiting } = useTyped(mode, text, onChange);
  const field = useRef(null);
  useEffect(() => {
    const focus = (event) => {
      if (event.key !== "/" || event.target.closest("input, textarea")) return;
      event.preventDefault();
      field.current.focus();
    };
    addEventListener("keydown", focus);
    return () => removeEventListener("keydown", focus);
  }, []);
  return (
    <form
      class={`search ${wrong ? "wrong" : ""}`}
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        send(mode, field.current.value);
      }}
      onFocusOut={(event) => {
        // What is done elsewhere is done with what was typed.
        if (isWaiting() && !event.currentTarget.contains(event.relatedTarget))
          send(mode, field.current.value);
      }}
    >
      <Choice
        label="Search for"
        value={mode}
        options={[
          ["id", "Id"],
          ["query", "Query"],
        ]}
        onChange={(next) => next !== mode && send(next, "")}
      />
      <Icon name="search" />
      <input
        ref={field}
        type="text"
        class="mono"
        dir="auto"
        spellcheck={false}
        autocomplete="off"
        aria-label={mode === "id" ? "Search by id" : "Search by query"}
        aria-invalid={wrong !== undefined}
        aria-describedby={wrong === undefined ? undefined : "search-wrong"}
        placeholder={HINTS[mode]}
        value={typed}
        onInput={(event) => type(event.currentTarget.value)}
      />
      {typed !== "" && (
        <IconButton
          icon="close"
          label="Clear the search"
          onClick={() => {
            send(mode, "");
            field.current.focus();
          }}
        />
      )}
      {wrong !== undefined && (
        <p id="search-wrong" class="search-wrong" role="status">
          {wrong}
        </p>
      )}
    </form>
  );
}
