import { spawnSync } from "node:child_process";

/**
 * Times several subjects side by side: one warm-up each, then A B C, B C A, ..., so that what else the machine does, and what
 * went before, weighs on all alike.
 * `prepare` is not timed. Returns the median of each in milliseconds.
 */
export function measure(subjects, rounds) {
  const times = new Map(subjects.map(({ name }) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    const first = (round + 1) % subjects.length;
    for (const { name, prepare, run } of [...subjects.slice(first), ...subjects.slice(0, first)]) {
      prepare?.();
      const started = performance.now();
      run();
      if (round >= 0) times.get(name).push(performance.now() - started);
    }
  }
  return new Map([...times].map(([name, each]) => [name, median(each)]));
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Runs a command to its end and returns its stdout; throws with its stderr when it fails. */
export function execute([program, ...args], options = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "pipe"],
    ...options,
    env: { ...process.env, ...options.env },
  });
  if (status === 0) return stdout.trimEnd();
  throw new Error(`${[program, ...args].join(" ")}: ${error?.message ?? `exit code ${status}`}\n${stderr}`);
}
