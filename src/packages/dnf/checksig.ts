/** A line that `rpmkeys --verbose --checksig` prints of a package's signature: rpm 4 and 6 word it differently. */
interface SignatureLine {
  /** Of the header, which has the payload's digests in it; otherwise of header and payload together, as rpm before 4.14 made them. */
  readonly ofHeader: boolean;
  /** Key ID or fingerprint, lower-case hex; undefined if rpm could not read that far. */
  readonly key: string | undefined;
  /** As `RSA/SHA256`. */
  readonly algorithms: string | undefined;
  readonly status: string;
}

const signatureLine =
  /^ {4}(?:(Header) )?(?:Legacy )?(?:OpenPGP )?(?:V\d+ (.+?) |[A-Z]+ )?[Ss]ignature(?:, key (?:ID|fingerprint:) ([0-9a-f]+))?: ([A-Z]+)/;
const digestLine = /^ {4}(?:(Payload|Header) )?\S+ digest: ([A-Z]+)/;

/** What rpm prints of each file, by its path as it was given to rpm: a heading at the margin, and indented lines. */
function sectionsOf(stdout: string): ReadonlyMap<string, readonly string[]> {
  const sections = new Map<string, string[]>();
  let section: string[] = [];
  for (const line of stdout.split("\n")) {
    if (/^\S.*:$/.test(line)) {
      section = [];
      sections.set(line.slice(0, -1), section);
    } else section.push(line);
  }
  return sections;
}

/**
 * The first of these packages that is not to be trusted, and why, where `rpmkeys --verbose --checksig` has failed for some; undefined if
 * each has a valid signature. rpm refuses a package for one signature by a key that it does not have. One valid signature of the header is
 * enough here, as long as the header's digest of the payload holds too and no other signature is wrong.
 */
export function findUntrusted(
  files: readonly string[],
  output: { readonly stdout: string; readonly stderr: string },
): { readonly file: string; readonly why: string } | undefined {
  const sections = sectionsOf(output.stdout);
  for (const file of files) {
    const lines = sections.get(file);
    const why = lines === undefined ? complaintOf(file, output.stderr) : objectionTo(lines, output.stderr);
    if (why !== undefined) return { file, why };
  }
  return undefined;
}

/** rpm prints no section of a file that is no package. */
function complaintOf(file: string, stderr: string): string {
  const line = stderr.split("\n").find((each) => each.includes(file));
  return line?.replace(/^.*?: (?=[^/]*$)/, "") ?? "rpm prints nothing about it";
}

function objectionTo(lines: readonly string[], stderr: string): string | undefined {
  const digests = lines.flatMap((line) => {
    const [, part, status] = digestLine.exec(line) ?? [];
    return status === undefined ? [] : [{ part, status }];
  });
  if (digests.some(({ status }) => status === "BAD")) return "it is damaged: its content does not have its digest";
  const signatures = lines.flatMap((line): readonly SignatureLine[] => {
    const [, header, algorithms, key, status] = signatureLine.exec(line) ?? [];
    return status === undefined ? [] : [{ ofHeader: header !== undefined, algorithms, key, status }];
  });
  const wrong = signatures.find(({ status, key }) => status === "BAD" && key !== undefined);
  if (wrong !== undefined) return `its signature by the key ${wrong.key} is wrong`;
  const isWhole = digests.some(({ part, status }) => part === "Payload" && status === "OK");
  const valid = signatures.filter(({ status }) => status === "OK");
  if (valid.some(({ ofHeader }) => ofHeader) && isWhole) return undefined;
  const worst = signatures.find(({ status, key }) => status !== "OK" && (status !== "NOTFOUND" || key !== undefined));
  if (worst !== undefined) return objectionToSignature(worst, stderr);
  return valid.length === 0 ? "it is not signed" : undefined;
}

function objectionToSignature({ status, key, algorithms = "" }: SignatureLine, stderr: string): string {
  // Of an algorithm that it does not have rpm 6 says that it does not trust it.
  switch (/unknown/i.test(algorithms) ? "UNKNOWN" : status) {
    case "NOKEY":
      return `it is signed by the key ${key}, which is not among the repository's keys`;
    case "NOTTRUSTED": {
      const weak = /\/(MD5|SHA1|RIPEMD160)$/.exec(algorithms)?.[1];
      if (weak !== undefined) return `its signature by the key ${key} is too weak: rpm does not accept ${weak}`;
      const because = reasonFor(key, stderr);
      return `rpm does not trust its signature by the key ${key}${because === undefined ? "" : `: ${because}`}`;
    }
    default: {
      const known = algorithms === "" ? "" : ` (${algorithms})`;
      return `rpm cannot read its signature: it does not have the format or the algorithm${known}`;
    }
  }
}

/** The innermost reason of rpm 6 for refusing a signature by a key; undefined if it gives none. */
function reasonFor(key: string | undefined, stderr: string): string | undefined {
  const blocks = stderr.split(/^(?=\S)/m);
  const about = blocks.find((block) => key !== undefined && block.toLowerCase().includes(key));
  const line = about?.trimEnd().split("\n").slice(1).at(-1);
  return line?.trim().replace(/^because: /, "");
}

/** What rpmkeys says of keys that it could not import: sentences without a subject, each about one key. */
export function keysNotImported(stderr: string): readonly string[] {
  const failures: string[] = [];
  let reasons: string[] = [];
  for (const line of stderr.split("\n").filter((each) => each.trim() !== "")) {
    const [, file, number, what] =
      /^error: (.+): (?:key (\d+) (import failed|not an armored public key)|import (?:read )?failed.*)\.?$/.exec(
        line,
      ) ?? [];
    if (file === undefined) {
      // A message begins at the margin; rpm 6 goes on with indented lines.
      reasons = [...(/^\s/.test(line) ? reasons : []), line.replace(/^(?:error|warning): /, "").trim()];
      continue;
    }
    const key = number === undefined ? file : `key ${number} of ${file}`;
    const cause =
      reasons.length > 0 ? reasons.join(" ") : what === "import failed" ? "" : (what ?? "it cannot be read");
    failures.push(`${key}${cause === "" ? "" : `: ${cause}`}`);
    reasons = [];
  }
  return failures;
}
