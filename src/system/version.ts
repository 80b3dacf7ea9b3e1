import manifest from "../../package.json" with { type: "json" };

/** This tool's own version. */
export const version: string = manifest.version;
