/**
 * A clock that both stores share and that moves only when it is told to, so that `ts` can be compared.
 * It stands still while a call is unfinished on either side: 0.8.1 looks at the clock when the call's turn
 * comes, ours at the call.
 */
const RealDate = Date;

export class ModelClock {
  /** Shortly before a quarter ends, so that the default archive segment changes in the middle of a run. */
  now = new RealDate(2025, 2, 31, 23, 59, 59, 985).getTime();

  tick() {
    this.now += 1;
  }

  iso(offset = 0) {
    return new RealDate(this.now + offset).toISOString();
  }

  install() {
    const read = () => this.now;
    globalThis.Date = class extends RealDate {
      constructor(...parts) {
        if (parts.length === 0) super(read());
        else super(...parts);
      }

      static now() {
        return read();
      }
    };
  }

  uninstall() {
    globalThis.Date = RealDate;
  }
}
