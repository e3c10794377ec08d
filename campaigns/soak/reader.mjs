/** Opens a folder in a fresh process and prints what is there: its locale, and the token of each record. */
const { module, folder, options } = JSON.parse(process.argv[2]);
const { Store } = await import(module);
const store = new Store();
await store.open(folder, options);
const tokens = Object.fromEntries(store.entries().map(([id, { t }]) => [id, t]));
await store.close();
const { locale } = Intl.DateTimeFormat().resolvedOptions();
process.stdout.write(JSON.stringify({ locale, tokens }));
