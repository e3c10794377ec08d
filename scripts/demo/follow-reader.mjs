/** Follows a folder read-only with watch() and prints every operation; ends when it sees the id "follow:end". */
import { Store } from "../../index.mjs";

const store = new Store();
await store.open(process.argv[2], { readOnly: true });
process.send({ ready: true });
store.watch((operations) => {
  process.send({ ids: operations.map((operation) => operation.id) });
  if (!operations.some((operation) => operation.id === "follow:end")) return;
  store.unwatch();
  process.send({ entries: store.entries() }, () => process.disconnect());
}, 10);
