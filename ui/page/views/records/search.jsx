/** The search: for ids, or with a query. */
import { useEffect, useRef, useState } from "preact/hooks";
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

export function Search({ mode, text, wrong, onChange }) {
  const [typed, setTyped] = useState(text);
  useEffect(() => setTyped(text), [text]);
  useEffect(() => {
    if (typed === text) return undefined;
    const timer = setTimeout(() => onChange(mode, typed), mode === "id" ? 250 : 600);
    return () => clearTimeout(timer);
  }, [typed]);
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
        onChange(mode, typed);
      }}
    >
      <Choice
        label="Search for"
        value={mode}
        options={[
          ["id", "Id"],
          ["query", "Query"],
        ]}
        onChange={(next) => onChange(next, "")}
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
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
      {typed !== "" && (
        <IconButton icon="close" label="Clear the search" onClick={() => onChange(mode, "")} />
      )}
      {wrong !== undefined && (
        <p id="search-wrong" class="search-wrong" role="status">
          {wrong}
        </p>
      )}
    </form>
  );
}
