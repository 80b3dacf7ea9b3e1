#!/usr/bin/env node
// Node opens all files of a program before it runs any of it. This one needs no other, so that a limit on open files is a sentence, too.
try {
  await import("./program.ts");
} catch (error) {
  if (!(error instanceof Error && "code" in error && (error.code === "EMFILE" || error.code === "ENFILE"))) throw error;
  process.stderr.write(
    "error: cannot start: too many open files\nhint: ulimit -n sets the limit of this shell; 256 are enough\n",
  );
  process.exitCode = 1;
}
