/** Clocks: how many calls in a second, how long one takes, how long the event loop was held up. */
import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setImmediate as turn, setTimeout as delay } from "node:timers/promises";

const now = () => performance.now();

/** Runs the work and returns its milliseconds and what it gave. */
export async function timed(work) {
  const started = now();
  const value = await work();
  return { ms: now() - started, value };
}

/** The value below which the share of the sorted numbers lies. */
export function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** p50, p99 and the longest of many milliseconds. */
export function spread(milliseconds) {
  const sorted = Float64Array.from(milliseconds).sort();
  return {
    p50Us: percentile(sorted, 0.5) * 1000,
    p99Us: percentile(sorted, 0.99) * 1000,
    maxMs: sorted.at(-1),
  };
}

/** Awaits `step(n)` for n from `from` on, `count` times or until `limitMs` have gone by. */
export async function repeat(step, { from = 0, count, limitMs = Infinity }) {
  const started = now();
  let n = from;
  while (n < from + count && now() - started < limitMs) {
    const until = Math.min(from + count, n + 100);
    for (; n < until; n += 1) await step(n);
  }
  return { calls: n - from, ms: now() - started, next: n };
}

/** How long the event loop was held up while the work went on, as `perf_hooks` sees it, in milliseconds. */
export async function withLoopDelay(work) {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  await delay(30);
  delays.reset();
  // Delays are differences between two ticks, and the first tick after a reset has none before it.
  await delay(20);
  const value = await work();
  // A turn of the loop that took long is counted when it has ended.
  await delay(20);
  delays.disable();
  return { value, loopDelayMs: delays.max / 1e6 };
}

/**
 * Awaited calls, one after the other: first some that do not count, then as many as fit, without a clock around
 * each; then some with one, and a turn of the event loop after every `turnEvery`, as in a server.
 */
export async function measureCalls(step, options) {
  const { warmup = 2000, count, limitMs = 1000, latencies = 20_000, turnEvery = 100, flush } = options;
  const warm = await repeat(step, { count: warmup, limitMs: limitMs / 2 });
  const started = now();
  const utilization = performance.eventLoopUtilization();
  const counted = await repeat(step, { from: warm.next, count, limitMs });
  await flush?.();
  const ms = now() - started;
  const loopBusyPercent = performance.eventLoopUtilization(utilization).utilization * 100;
  const times = [];
  const { loopDelayMs } = await withLoopDelay(async () => {
    const until = now() + limitMs / 2;
    for (let n = 0; n < latencies && now() < until; n += 1) {
      const began = now();
      await step(counted.next + n);
      times.push(now() - began);
      if (n % turnEvery === turnEvery - 1) await turn();
    }
  });
  return {
    perSecond: (counted.calls * 1000) / ms,
    calls: counted.calls,
    ...spread(times),
    loopDelayMs,
    loopBusyPercent,
  };
}

/** The most memory that this process ever had, in MB. */
export function peakMemoryMb() {
  if (process.platform !== "linux") return process.resourceUsage().maxRSS / 1024;
  // NOTE: not maxRSS, which a child inherits from its parent on Linux.
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1024;
}

/** What the process has now, in MB, after a collection. */
export function memoryMb() {
  globalThis.gc?.();
  return process.memoryUsage.rss() / 2 ** 20;
}
