import * as z from "zod";
import type { Requirer } from "../install/rpm-database.ts";
import type { DlopenDecision } from "../loader/closure.ts";
import type { AlternativeOrigin, BuiltIn } from "../packages/source.ts";
import type { Check, LeaseCheck, RunCheck, StopCheck, Unproven } from "../plan/check.ts";
import type { Service } from "../plan/plan.ts";
import type { Reason } from "../rootfs/tree.ts";
import { type Arch, archNames } from "../system/arch.ts";
import { families } from "../system/family.ts";
import type { BuildRecord, EntryRecord, PackageRecord, RecordedPlan } from "./record.ts";

/**
 * The shape of a record. Whoever handles an image can change its record, and what stands in one is run, mounted and printed: values have
 * the grammar that a recipe gives them. The compiler asks for a schema of each property of the types.
 */

/** An object with a schema for each property; a property that is not in the type is left out. */
function object<Type>(shape: { readonly [Key in keyof Required<Type>]: z.ZodType<Type[Key]> }): z.ZodType<Type> {
  return z.object(shape) as unknown as z.ZodType<Type>;
}

/** The members of a union by their `kind`: the mistakes of one that is nearly right are its own. */
function choice<Type extends { readonly kind: string }>(
  members: {
    readonly [Kind in Type["kind"]]: z.ZodType<Extract<Type, { readonly kind: Kind }>>;
  },
): z.ZodType<Type> {
  const byKind = new Map<unknown, z.ZodType<Type>>(Object.entries(members) as [string, z.ZodType<Type>][]);
  return z.unknown().transform((value, context): Type => {
    const kind = typeof value === "object" && value !== null && "kind" in value ? value.kind : undefined;
    const parsed = byKind.get(kind)?.safeParse(value);
    if (parsed?.success) return parsed.data;
    context.issues.push({ code: "custom", input: value, message: "is of no known kind, or not as its kind is" });
    return z.NEVER;
  }) as unknown as z.ZodType<Type>;
}

const text = z.string().regex(/^[^\0]*$/);
const line = z.string().regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u);
const path = z.string().regex(/^\/(?!.*\/\/)(?!(?:.*\/)?\.\.?(?:\/|$))[^\0]*$/s);
const argv = z.array(text).min(1);
/** What stands in `--volume SOURCE:PATH:OPTIONS`. */
const mountPath = path.regex(/^[^:,\s]*$/);
const name = z.string().regex(/^[^\s\p{Cc}]+$/u);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().nonnegative();
const id = z.int().min(0).max(4294967294);

const pattern = text.refine((source) => {
  try {
    return new RegExp(source, "mu") !== undefined;
  } catch {
    return false;
  }
});

const service = object<Service>({
  command: argv,
  user: object<Service["user"]>({ uid: id, gid: id }),
  capabilities: z.array(z.string().regex(/^[A-Z_]+$/)),
  ports: z.array(z.string().regex(/^[0-9]{1,5}\/(?:udp|tcp|sctp)$/)),
  config: z.array(mountPath),
  state: z.array(mountPath),
  runtime: z.array(mountPath),
  init: z.boolean(),
  health: argv.optional(),
  environment: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), text),
});

const common = { name: line, files: z.record(path, text) };
const checks = choice<Check>({
  run: object<RunCheck>({
    kind: z.literal("run"),
    ...common,
    command: argv,
    exit: z.int().min(0).max(255).optional(),
    output: pattern.optional(),
  }),
  lease: object<LeaseCheck>({
    kind: z.literal("lease"),
    ...common,
    family: z.literal([4, 6]),
    server: z.string().regex(/^[0-9a-fA-F:.]+\/[0-9]{1,3}$/),
  }),
  stop: object<StopCheck>({ kind: z.literal("stop"), ...common, within: z.number().positive() }),
});

const plan = {
  arch: z.enum(archNames as [Arch, ...Arch[]]),
  recipe: name,
  title: line,
  license: line,
  source: line.optional(),
  service,
  checks: z.array(checks),
  unproven: z.array(object<Unproven>({ path, reason: line })),
  family: z.enum(families),
  packages: z.array(name),
};

const plans = choice<RecordedPlan>({
  scratch: object<Extract<RecordedPlan, { kind: "scratch" }>>({
    kind: z.literal("scratch"),
    ...plan,
    metadata: z.literal("dpkg-status-d").optional(),
  }),
  os: object<Extract<RecordedPlan, { kind: "os" }>>({ kind: z.literal("os"), ...plan, base: name }),
});

const priority = z.int().optional();
const alternative = object<AlternativeOrigin>({
  name: line,
  priority,
  others: z.array(object<AlternativeOrigin["others"][number]>({ package: name, priority })),
});

const reason = choice<Reason>({
  asked: object({ kind: z.literal("asked") }),
  needed: object<Extract<Reason, { kind: "needed" }>>({
    kind: z.literal("needed"),
    soname: text,
    rule: line as unknown as z.ZodType<Extract<Reason, { kind: "needed" }>["rule"]>,
    by: z.array(path),
  }),
  link: object<Extract<Reason, { kind: "link" }>>({
    kind: z.literal("link"),
    to: path,
    alternative: alternative.optional(),
  }),
  runtime: object<Extract<Reason, { kind: "runtime" }>>({ kind: z.literal("runtime"), to: path }),
  parent: object<Extract<Reason, { kind: "parent" }>>({ kind: z.literal("parent"), of: path }),
  recipe: object({ kind: z.literal("recipe") }),
  metadata: object({ kind: z.literal("metadata") }),
  cache: object<Extract<Reason, { kind: "cache" }>>({ kind: z.literal("cache"), files: z.array(path) }),
});

const entry = object<EntryRecord>({
  path,
  kind: z.enum(["file", "directory", "symlink"]),
  mode: z.string().regex(/^[0-7]{4}$/),
  owner: z.string().regex(/^[0-9]+:[0-9]+$/),
  size: count.optional(),
  sha256: sha256.optional(),
  xattrs: z.record(text, z.base64()).optional(),
  target: text.optional(),
  package: name.optional(),
  reason,
});

const release = object<NonNullable<BuildRecord["distribution"]>>({ id: name, version: line });

const packages = object<PackageRecord>({
  name,
  version: name,
  upstreamVersion: name,
  arch: name,
  source: object<PackageRecord["source"]>({ name, version: name }),
  builtIn: object<BuiltIn>({
    "Built-Using": line.optional(),
    "Static-Built-Using": line.optional(),
    Provides: line.optional(),
  }).optional(),
  sha256,
  size: count.optional(),
  license: line.optional(),
  requiredBy: z.array(object<Requirer>({ package: name, requirement: line })).optional(),
});

const dlopen = object<DlopenDecision>({
  requester: path,
  sonames: z.array(text),
  feature: line.optional(),
  priority: z.enum(["required", "recommended", "suggested"]),
  outcome: z.enum(["found", "absent", "out"]),
  path: path.optional(),
});

export const recordSchema = object<BuildRecord>({
  plan: plans,
  version: name,
  // ECMAScript's last date, in seconds.
  created: count.max(8.64e12),
  distribution: release.optional(),
  packages: z.array(packages),
  dlopen: z.array(dlopen).optional(),
  entries: z.array(entry),
});
