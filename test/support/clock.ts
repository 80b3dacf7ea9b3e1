import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { CliOptions } from "./cli.ts";

/**
 * How the program is started to live 400 days later. So does what it starts, as far as that asks the C library for the time: Node, apt,
 * dpkg, tar, and in buildah's containers dnf, rpm and the scripts of packages. The machine's own clock stays. What is written in Go,
 * buildah above all, asks the kernel, and the kernel gives new files their times: these go on with today, which is another moment in each
 * build, too. Makes a directory in `directory`; needs faketime.
 */
export async function anotherDay(directory: string): Promise<Pick<CliOptions, "through" | "env">> {
  const programs = path.join(directory, "another-day");
  await mkdir(programs);
  await writeFile(path.join(programs, "buildah"), containersToo, { mode: 0o755 });
  return {
    through: ["faketime", "-m", "--exclude-monotonic", "-f", "+400d"],
    env: { PATH: `${programs}:${process.env.PATH}` },
  };
}

/**
 * Gives a container what faketime gives a process. The library lies over a file that nothing there needs, so that no mount point stays in
 * the layer; what it shares with its other processes is in the machine's /dev, which is a container's, too, where buildah isolates by chroot.
 */
const containersToo = `#!/bin/sh
if [ "$1" = run ]; then
  shift
  library=$(grep -m 1 -o '/.*libfaketime.*' /proc/self/maps)
  set -- run --volume "$library:/usr/bin/sha224sum:ro" --env LD_PRELOAD=/usr/bin/sha224sum \\
    --env "FAKETIME=$FAKETIME" --env "FAKETIME_SHARED=$FAKETIME_SHARED" "$@"
fi
PATH=\${PATH#*:} exec buildah "$@"
`;
