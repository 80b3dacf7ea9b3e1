import * as z from "zod";
import { isMap, list, pathConflicts, property } from "./paths.ts";
import {
  arch,
  argv,
  binary,
  capability,
  debianPackage,
  duration,
  environmentName,
  image,
  isInterfaceAddress,
  license,
  line,
  mode,
  mountPath,
  owner,
  path,
  pattern,
  port,
  rpmPackage,
  serviceName,
  temporaryPath,
  text,
  webAddress,
  word,
} from "./values.ts";

/**
 * Rules about several values at once are asked even where one of them is wrong, so that all mistakes are told together.
 * What they are given may therefore be anything.
 */
const always = { when: () => true } as const;

/** A list without the same thing twice; things are the same that have the same `key`. */
function distinct<Item extends z.ZodType>(item: Item, key?: string) {
  return z.array(item).superRefine((items, context) => {
    const names = list(items).map((entry) => (key === undefined ? entry : property(entry, key)));
    const first = new Map(names.map((name, index) => [name, index] as const).reverse());
    names.forEach((name, index) => {
      if (typeof name !== "string" || first.get(name) === index) return;
      context.addIssue({ code: "custom", path: [index], message: `\`${name}\` is in the list already` });
    });
  }, always);
}

const directory = z.strictObject({
  path: path.describe("Absolute path of the directory"),
  owner: owner.default("0:0").describe("uid:gid"),
  mode: mode.default("0755").describe("Octal number, in quotes"),
});

const file = z.strictObject({
  path: path.describe("Absolute path of the file"),
  content: text.describe("The whole content"),
  owner: owner.default("0:0").describe("uid:gid"),
  mode: mode.default("0644").describe("Octal number, in quotes"),
});

const additions = {
  files: distinct(file, "path")
    .default([])
    .describe("Files that no package contains. The interpreter of an executable script is included."),
  directories: distinct(directory, "path")
    .default([])
    .describe("Directories that no package contains, or that need a different owner or mode"),
};

const service = z.strictObject({
  command: argv.describe("Path and arguments of the program, not a shell command line"),
  user: owner.describe("uid:gid that the service runs as"),
  capabilities: distinct(capability)
    .default([])
    .describe("All capabilities that the service gets, without the prefix CAP_"),
  ports: distinct(port).default([]).describe("Ports that the service listens on, such as 67/udp"),
  config: distinct(mountPath)
    .default([])
    .describe("Configuration files, mounted read-only by whoever runs the service"),
  state: distinct(mountPath).default([]).describe("Directories that must outlive the container, owned by the user"),
  runtime: distinct(temporaryPath)
    .default([])
    .describe("Directories for sockets and PID files, empty at every start, owned by the user, mode 0750"),
  init: z.boolean().default(false).describe("The program ignores SIGTERM as PID 1, so run it under an init"),
  health: argv.optional().describe("A command in the container that exits with 0 while the service is healthy"),
  environment: z.record(environmentName, word).default({}).describe("Environment variables"),
});

const fedora = z.strictObject({
  base: image.describe("The image that the packages are installed into"),
  packages: distinct(rpmPackage).min(1, "needs at least one package").describe("Packages to install"),
  builder: image.optional().describe("An image with dnf, for hosts of another family"),
  ...additions,
});

const scratch = z.strictObject({
  binaries: distinct(binary)
    .min(1, "needs at least one program")
    .describe("Programs by name or path. The libraries that they need are included."),
  packages: z
    .strictObject({
      debian: distinct(debianPackage).min(1, "needs at least one package").optional(),
      fedora: distinct(rpmPackage).min(1, "needs at least one package").optional(),
    })
    .refine((byFamily) => !isMap(byFamily) || Object.keys(byFamily).length > 0, {
      message: "needs packages of at least one family: debian, fedora",
      ...always,
    })
    .describe("The packages that contain the programs, by family. The first family is the default."),
  plugins: distinct(binary)
    .default([])
    .describe(
      "Libraries that the programs open with dlopen: sonames, paths or whole directories. $LIB is expanded as in ld.so(8).",
    ),
  include: distinct(path)
    .default([])
    .describe(
      "More files and directories of the packages. $LIB is expanded as above. Wildcards are those of glob(7): *, ?, [a-z] in a name, and ** for directories.",
    ),
  dlopen: z
    .record(line, z.boolean())
    .default({})
    .describe(
      "Whether the libraries of a dlopen note are included, by feature. Suggested libraries are not included by default.",
    ),
  ifMissing: line
    .optional()
    .describe("What to do if no package contains a file that the recipe asks for. It is the hint of that error."),
  ignoreHints: distinct(line).default([]).describe("Hints to suppress, by the name that they begin with"),
  metadata: z
    .enum(["none", "dpkg-status-d"])
    .default("none")
    .describe("Metadata for vulnerability scanners in the image: none, or the list of its Debian packages"),
  ...additions,
});

const checkKinds = ["run", "lease", "stop"] as const;

const check = z
  .strictObject({
    name: line.describe("What the check shows"),
    files: z.record(path, text).default({}).describe("Files to add to the image for this check: path and content"),
    run: argv.optional().describe("A command that must exit with the code below"),
    exit: z.int().min(0).max(255).optional().describe("The exit code of `run`, 0 by default"),
    output: pattern.optional().describe("A regular expression that the output of `run` must match"),
    lease: z
      .strictObject({
        family: z.literal([4, 6]).describe("4 is DHCPv4, 6 is DHCPv6"),
        server: z.string().describe("Address of the server with its prefix, such as 192.0.2.1/24"),
      })
      .superRefine(({ family, server }, context) => {
        if ((family !== 4 && family !== 6) || typeof server !== "string" || isInterfaceAddress(server, family)) return;
        const example = family === 4 ? "192.0.2.1/24" : "2001:db8::1/64";
        context.addIssue({
          code: "custom",
          path: ["server"],
          message: `must be an IPv${family} address with its prefix such as ${example}`,
        });
      })
      .optional()
      .describe("A client in the server's network must get a lease"),
    stop: z.strictObject({ within: duration }).optional().describe("The service must exit on SIGTERM within this time"),
  })
  .refine((value) => !isMap(value) || checkKinds.filter((kind) => kind in value).length === 1, {
    message: `must say exactly one of ${checkKinds.join(", ")}`,
    ...always,
  })
  .refine((value) => !isMap(value) || "run" in value || !("exit" in value || "output" in value), {
    message: "has exit or output, which belong to run",
    ...always,
  });

/** One service; both kinds of image are made from it. */
export const recipeSchema = z
  .strictObject({
    name: serviceName.describe("The image is called localhost/<name>"),
    title: line.describe("Human-readable name"),
    license: license.describe("SPDX license expression of the service"),
    source: webAddress.optional().describe("Web address of the recipe's or the service's source"),
    arches: distinct(arch)
      .min(1, "needs at least one architecture")
      .describe("Architectures that images can be built for"),
    service: service.describe("How the service runs, from either kind of image"),
    fedora: fedora.optional().describe("The OS-based image"),
    scratch: scratch.optional().describe("The image with only the service's files"),
    checks: distinct(check, "name").default([]).describe("Checks that the image must pass"),
    unproven: distinct(z.strictObject({ path, reason: line }), "path")
      .default([])
      .describe("Files that no check covers, with the reason to keep them"),
  })
  .refine((recipe) => !isMap(recipe) || ["scratch", "fedora"].some((key) => property(recipe, key) !== undefined), {
    message: "needs scratch, fedora or both: there is no image to build otherwise",
    ...always,
  })
  .superRefine((recipe, context) => {
    for (const conflict of pathConflicts(recipe)) context.addIssue({ code: "custom", ...conflict });
  }, always);

export type Recipe = z.infer<typeof recipeSchema>;

/** The recipe's JSON Schema (draft 7, which editors know best), for what a person writes. */
export function recipeJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(recipeSchema, {
    target: "draft-7",
    io: "input",
    unrepresentable: "any",
  });
  return { $schema, title: "dhcpd-build recipe", ...schema };
}

/** The schema of the recipe's value at `path`; undefined if a recipe has no such value. */
export function schemaAt(path: readonly PropertyKey[]): z.core.$ZodType | undefined {
  let here: z.core.$ZodType | undefined = recipeSchema;
  for (const step of path) here = here === undefined ? undefined : within(bare(here), step);
  return here === undefined ? undefined : bare(here);
}

function within(schema: z.core.$ZodType, step: PropertyKey): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodArray) return schema.element;
  if (schema instanceof z.ZodTuple) return schema.def.items[Number(step)] ?? schema.def.rest ?? undefined;
  if (schema instanceof z.ZodRecord) return schema.valueType;
  return schema instanceof z.ZodObject && Object.hasOwn(schema.shape, step) ? schema.shape[String(step)] : undefined;
}

function bare(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault ? bare(schema.unwrap()) : schema;
}
