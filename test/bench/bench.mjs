// `npm run bench`: the speed promises, each measured beside what it is compared with, in one run on this machine.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { execute, measure } from "./measure.mjs";
import { buildah, env, exportTree, file, forget, machine, makeBaseImage, remove } from "./place.mjs";

const program = path.resolve(fileURLToPath(import.meta.url), "../../../dist/main.js");
const arch = { x64: "x86_64", arm64: "aarch64" }[process.arch];
const tool = (...args) => execute([process.execPath, program, ...args], { env });
const build = (...args) => tool("scratch", "--arch", arch, "--json", ...args);

/** The usual way to the same image: install in a base image, ask ldd, copy to scratch. */
const containerfile = `FROM localhost/bench/base AS installed
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends isc-dhcp-server
RUN mkdir -p /tree/var/lib/dhcpd && : > /tree/var/lib/dhcpd/dhcpd.leases && chown -R 177:177 /tree/var/lib/dhcpd && \\
    cp --parents -L /usr/sbin/dhcpd $(ldd /usr/sbin/dhcpd | grep -o '/[^ ]*') /tree
FROM scratch
COPY --from=installed /tree /
USER 177:177
ENTRYPOINT ["/usr/sbin/dhcpd", "-4", "-f", "-d", "--no-pid"]
`;

const node = { name: "node -e 0", run: () => execute([process.execPath, "-e", "0"]) };
const one = { name: "rebuild", run: () => build("--force") };
const fiveCommands = {
  name: "five bare buildah commands",
  run: () => {
    const container = buildah("from", "scratch");
    buildah("add", "--quiet", container, file("tree.tar"), "/");
    buildah("config", "--user", "177:177", "--workingdir", "/", "--entrypoint", '["/usr/sbin/dhcpd"]', container);
    buildah("commit", "--quiet", "--format", "oci", "--timestamp", "0", container, "localhost/bench/bare");
    buildah("rm", container);
  },
};
const usualWay = {
  name: "multi-stage Containerfile",
  run: () =>
    buildah(
      ...[
        "build",
        "--quiet",
        "--isolation",
        "chroot",
        "--network",
        "host",
        "--no-cache",
        "--layers=false",
        "--pull-never",
      ],
      ...["--file", file("Containerfile"), "--tag", "localhost/bench/usual", file("context")],
    ),
};

/** What is measured together, and which promises are read from it: ours / theirs must be at most the bound. */
const groups = [
  {
    rounds: 15,
    subjects: [
      node,
      { name: "--version", run: () => tool("--version") },
      { name: "--help", run: () => tool("--help") },
      { name: "nothing to do", run: () => build() },
    ],
    promises: [
      { ours: "--version", theirs: node.name, bound: 1.3 },
      { ours: "--help", theirs: node.name, bound: 1.3 },
      { ours: "nothing to do", theirs: node.name, bound: 4 },
    ],
  },
  {
    rounds: 9,
    subjects: [
      one,
      fiveCommands,
      { name: "rebuild both architectures", run: () => tool("scratch", "--arch", "all", "--json", "--force") },
    ],
    promises: [
      { ours: one.name, theirs: fiveCommands.name, bound: 2 },
      { ours: "rebuild both architectures", theirs: one.name, bound: 1.5 },
    ],
  },
  {
    rounds: 3,
    subjects: [
      { name: "cold, nothing fetched", prepare: () => forget("everything"), run: () => build("--force") },
      { name: "fresh lists, nothing downloaded", prepare: () => forget("downloads"), run: () => build("--force") },
      usualWay,
    ],
    promises: [
      { ours: "cold, nothing fetched", theirs: usualWay.name, bound: 0.7 },
      { ours: "fresh lists, nothing downloaded", theirs: usualWay.name, bound: 0.35 },
    ],
  },
];

const image = `localhost/dhcpd:latest-${arch}`;
const large = `localhost/dhcpd-ldap:latest-${arch}`;
/** What must not take longer than so many milliseconds, whatever else could do the same. */
const proofs = {
  rounds: 3,
  subjects: [
    { name: "verify", run: () => tool("verify", image) },
    { name: "prove", run: () => tool("prove", image) },
    { name: "prove with LDAP's libraries", run: () => attempt("prove", large) },
  ],
  limits: { verify: 2000, prove: 3000, "prove with LDAP's libraries": 30_000 },
};

/** A verdict is a result, too. */
function attempt(...args) {
  try {
    return tool(...args);
  } catch (error) {
    if (/exit code 1\n/.test(error.message)) return "";
    throw error;
  }
}

/** The shipped recipe with another package of the same program, which links LDAP and what that needs. */
function buildLarge() {
  const recipe = readFileSync(path.resolve(fileURLToPath(import.meta.url), "../../../recipes/dhcpd.yaml"), "utf8");
  writeFileSync(
    file("ldap.yaml"),
    recipe.replace("name: dhcpd", "name: dhcpd-ldap").replace("[isc-dhcp-server]", "[isc-dhcp-server-ldap]"),
  );
  tool("scratch", "--recipe", file("ldap.yaml"), "--from", "debian", "--arch", arch);
}

/** Bytes and files of the image, beside the usual way's. */
function sizes() {
  const { size, files, references } = JSON.parse(build()).images[0];
  exportTree("localhost/bench/usual", file("usual.tar"));
  const usual = execute(["tar", "-tvf", file("usual.tar")])
    .split("\n")
    .filter((line) => line.startsWith("-"));
  const usualBytes = usual.reduce((sum, line) => sum + Number(line.split(/ +/)[2]), 0);
  const verdict = size <= 5_400_000 ? "kept" : "MISSED";
  return [
    `${references[0]}: ${size} bytes in ${files} files and links (bound 5400000: ${verdict})`,
    `${usualWay.name}: ${usualBytes} bytes in ${usual.length} files`,
  ];
}

function row({ ours, theirs, bound }, medians) {
  const [mine, other] = [medians.get(ours), medians.get(theirs)];
  const ratio = mine / other;
  return [
    ours.padEnd(32),
    `${mine.toFixed(0)} ms`.padStart(8),
    ` / ${theirs.padEnd(27)}`,
    `${other.toFixed(0)} ms`.padStart(8),
    `= ${ratio.toFixed(2)}`.padStart(8),
    `<= ${bound}`.padStart(8),
    ratio <= bound ? "  kept" : "  MISSED",
  ].join("");
}

try {
  console.log(machine);
  tool("scratch", "--arch", "all", "--json");
  exportTree(JSON.parse(build()).images[0].id, file("tree.tar"));
  makeBaseImage("localhost/bench/base");
  execute(["mkdir", file("context")]);
  writeFileSync(file("Containerfile"), containerfile);
  for (const { subjects, rounds, promises } of groups) {
    const medians = measure(subjects, rounds);
    for (const promise of promises) console.log(row(promise, medians));
  }
  buildLarge();
  const medians = measure(proofs.subjects, proofs.rounds);
  for (const [name, limit] of Object.entries(proofs.limits)) {
    const took = medians.get(name);
    console.log(`${name.padEnd(32)}${took.toFixed(0)} ms <= ${limit} ms${took <= limit ? "  kept" : "  MISSED"}`);
  }
  for (const line of sizes()) console.log(line);
  await import("./closure.mjs");
} finally {
  remove();
}
