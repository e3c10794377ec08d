/** What a page can ask for, by name: which arguments it takes, and what answers it. */

const LISTING = { search: "text", query: "object", sort: "sort", at: "text", fresh: "yes" };

/** The calls of a page, over the parts that answer them. */
export function callsOf({ overview, records, history, past, activity, space, health, writing, tell }) {
  return {
    overview: { takes: {}, run: () => overview() },
    page: {
      takes: { ...LISTING, offset: "number", limit: "number", columns: "names" },
      run: (args) => records.page(args),
    },
    columns: { takes: LISTING, run: (args) => records.columns(args) },
    record: { takes: { id: "id!", at: "text" }, run: (args) => records.record(args) },
    history: { takes: { id: "id!", before: "text", limit: "number" }, run: (args) => history.ofRecord(args) },
    version: { takes: { id: "id!", position: "text!" }, run: (args) => history.version(args) },
    operations: {
      takes: { since: "time", until: "time", after: "text", agent: "text", kind: "text", limit: "number" },
      run: ({ since, until, ...args }) =>
        history.between({
          ...args,
          // NOTE: `since` leaves out what was at this very millisecond.
          ...(since !== undefined && { since: new Date(since - 1) }),
          ...(until !== undefined && { until: new Date(until) }),
        }),
    },
    last: { takes: { limit: "number" }, run: (args) => history.last(args) },
    activity: {
      takes: { since: "time", until: "time", buckets: "number" },
      run: (args) => activity.counts(args),
    },
    past: { takes: { at: "text!" }, run: (args) => past.summary(args) },
    space: { takes: {}, run: () => space.summary() },
    health: { takes: {}, run: () => health.state },
    files: { takes: {}, run: () => health.files() },
    verify: { takes: {}, run: () => health.begin() },
    restore: { takes: { id: "id!", position: "text!" }, run: (args) => writing.restore(args) },
    compact: { takes: {}, run: () => writing.compact((progress) => tell("compact", progress)) },
  };
}
