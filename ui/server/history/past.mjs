/** The store at earlier times: a few views, which are let go of when they are no longer looked at. */
const MOST_VIEWS = 3;
const IDLE_MS = 10 * 60_000;

export class Past {
  #followed;
  #views = new Map();

  constructor(followed) {
    this.#followed = followed;
  }

  /** The view of a time or position. */
  view(at) {
    const known = this.#views.get(at);
    const kept = known ?? { view: this.#followed.store.at(at), timer: null };
    this.#views.delete(at);
    this.#views.set(at, kept);
    clearTimeout(kept.timer);
    kept.timer = setTimeout(() => this.#drop(at), IDLE_MS).unref();
    if (known === undefined) {
      kept.view.catch(() => this.#drop(at));
      for (const other of this.#views.keys()) {
        if (this.#views.size <= MOST_VIEWS) break;
        this.#drop(other);
      }
    }
    return kept.view;
  }

  /** How many records there were. */
  async summary({ at }) {
    const view = await this.view(at);
    return { records: view.count() };
  }

  forget() {
    for (const at of [...this.#views.keys()]) this.#drop(at);
  }

  #drop(at) {
    const kept = this.#views.get(at);
    if (kept === undefined) return;
    this.#views.delete(at);
    clearTimeout(kept.timer);
    kept.view.then(
      (view) => view.close(),
      () => {},
    );
  }
}
