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
  mode: mode.default("0755").describe("Octal, in quotes"),
});

const file = z.strictObject({
  path: path.describe("Absolute path of the file"),
  content: text.describe("The whole content"),
  owner: owner.default("0:0").describe("uid:gid"),
  mode: mode.default("0644").describe("Octal, in quotes"),
});

const additions = {
  files: distinct(file, "path")
    .default([])
    .describe("Files that no package has; the interpreter of an executable script comes along"),
  directories: distinct(directory, "path")
    .default([])
    .describe("Directories that no package has, or that need another owner or mode than they would get"),
};

const service = z.strictObject({
  command: argv.describe("The program's path and its arguments; never a shell line"),
  user: owner.describe("uid:gid that the service runs as"),
  capabilities: distinct(capability).default([]).describe("All capabilities that the service has, without CAP_"),
  ports: distinct(port).default([]).describe("What it listens to, such as 67/udp"),
  config: distinct(mountPath).default([]).describe("Files that whoever runs the service mounts read-only"),
  state: distinct(mountPath).default([]).describe("Directories that must outlive the container; owned by the user"),
  runtime: distinct(temporaryPath)
    .default([])
    .describe("Directories for sockets and process numbers, empty at every start; owned by the user, mode 0750"),
  init: z.boolean().default(false).describe("The program ignores SIGTERM as process 1 and needs an init before it"),
  health: argv.optional().describe("A command inside the container that ends with 0 while the service is well"),
  environment: z.record(environmentName, word).default({}).describe("Environment variables"),
});

const fedora = z.strictObject({
  base: image.describe("The image that the packages are installed into"),
  packages: distinct(rpmPackage).min(1, "needs at least one package").describe("What is installed"),
  builder: image.optional().describe("An image with dnf, for hosts of another family"),
  ...additions,
});

const scratch = z.strictObject({
  binaries: distinct(binary)
    .min(1, "needs at least one program")
    .describe("Programs by name or path; the libraries they need come along"),
  packages: z
    .strictObject({
      debian: distinct(debianPackage).min(1, "needs at least one package").optional(),
      fedora: distinct(rpmPackage).min(1, "needs at least one package").optional(),
    })
    .refine((byFamily) => !isMap(byFamily) || Object.keys(byFamily).length > 0, {
      message: "needs packages of at least one family: debian, fedora",
      ...always,
    })
    .describe("By family, the packages that have the programs; the first family is the default"),
  plugins: distinct(binary)
    .default([])
    .describe(
      "Libraries that the programs open by themselves: sonames, paths or whole directories; $LIB as in ld.so(8)",
    ),
  include: distinct(path)
    .default([])
    .describe(
      "Files and directories of the packages that no rule finds; $LIB as above, wildcards as in glob(7): *, ?, [a-z] in a name, ** for directories",
    ),
  dlopen: z
    .record(line, z.boolean())
    .default({})
    .describe(
      "By feature of a library's dlopen note: whether its libraries come along; suggested ones do not by default",
    ),
  ifMissing: line
    .optional()
    .describe("What to do if no package has a file that the recipe asks for; the hint of that error"),
  ignoreHints: distinct(line)
    .default([])
    .describe("Hints that the build does not report, by the name that they begin with"),
  metadata: z
    .enum(["none", "dpkg-status-d"])
    .default("none")
    .describe("What vulnerability scanners find in the image itself: nothing, or which packages of Debian it has"),
  ...additions,
});

const checkKinds = ["run", "lease", "stop"] as const;

const check = z
  .strictObject({
    name: line.describe("What is true of the service when the check passes"),
    files: z.record(path, text).default({}).describe("Files laid over the image for this check, content by path"),
    run: argv.optional().describe("A command that must end with the exit code below"),
    exit: z.int().min(0).max(255).optional().describe("The exit code of `run`; 0 where not given"),
    output: pattern.optional().describe("A regular expression that the output of `run` must match"),
    lease: z
      .strictObject({
        family: z.literal([4, 6]).describe("4 is DHCPv4, 6 is DHCPv6"),
        server: z.string().describe("The server's address with its prefix, such as 192.0.2.1/24"),
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
      .describe("A client on the server's network must get a lease"),
    stop: z.strictObject({ within: duration }).optional().describe("The service must end on SIGTERM"),
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
    title: line.describe("The service's name for people"),
    license: license.describe("SPDX license expression of the service"),
    source: webAddress.optional().describe("Where the recipe or the service's source is found"),
    arches: distinct(arch).min(1, "needs at least one architecture").describe("What images can be built for"),
    service: service.describe("What a running container is, whichever image it comes from"),
    fedora: fedora.optional().describe("The OS-based image"),
    scratch: scratch.optional().describe("The image with the service's files and nothing else"),
    checks: distinct(check, "name").default([]).describe("What must be true of the image"),
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
