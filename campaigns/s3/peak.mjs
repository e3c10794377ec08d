/** How much memory some work needs. */

const MB = 1 << 20;

/** Runs some work; returns by how many MB the process grew at most meanwhile, and is smaller than that afterwards. */
export async function peak(work) {
  const before = process.memoryUsage().rss;
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 5);
  const result = await work();
  clearInterval(timer);
  const after = process.memoryUsage().rss;
  most = Math.max(most, after);
  return { result, grownMb: Math.round((most - before) / MB), overMb: Math.round((most - after) / MB) };
}
