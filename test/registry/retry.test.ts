import { describe, expect, it } from "vitest";
import { withRetries } from "../../src/registry/retry.ts";
import { silent } from "../../src/system/log.ts";
import { CommandFailure } from "../../src/system/run.ts";

/** Fails with these words of buildah, one after another, and then succeeds. */
function failing(...stderr: readonly string[]) {
  const left = [...stderr];
  const attempt = async () => {
    const next = left.shift();
    if (next !== undefined)
      throw new CommandFailure(["buildah"], { exitCode: 125, stderr: next, reason: "exit code 125" });
    return "done";
  };
  return { attempt, left };
}

const refused =
  'Error: pushing image "a" to "docker://h/a:1": trying to reuse blob sha256:0 at destination: pinging container registry h: ' +
  'Get "http://h/v2/": dial tcp 127.0.0.1:1: connect: connection refused';
const waits = [1, 1];

describe("what is done with a registry", () => {
  it.each([
    ["a refused connection", refused],
    ["a connection that is reset", "Error: writing blob: read tcp: connection reset by peer"],
    ["an answer that ends early", "Error: reading manifest latest in h/a: unexpected EOF"],
    [
      "a registry that is overloaded",
      "Error: writing manifest: received unexpected HTTP status: 503 Service Unavailable",
    ],
  ])("is tried again after %s", async (_, stderr) => {
    const { attempt } = failing(stderr, stderr);
    expect(await withRetries("push it", attempt, silent, { waits })).toBe("done");
  });

  it("is given up after the last attempt, with the cause alone", async () => {
    const { attempt, left } = failing(refused, refused, refused, refused);
    await expect(withRetries("push it", attempt, silent, { waits })).rejects.toMatchObject({
      message: "cannot push it: pinging container registry h: dial tcp 127.0.0.1:1: connect: connection refused",
      hint: "check that the registry is there, then push again: what has arrived is not sent twice",
    });
    expect(left).toHaveLength(1);
  });

  it.each([
    ["no right to it", "Error: writing blob: unauthorized: authentication required", "log in with: buildah login HOST"],
    ["a name that nobody knows", "Error: dial tcp: lookup h: no such host", "check the registry's name"],
    [
      "a registry without TLS",
      'Error: Get "https://h/v2/": http: server gave HTTP response to HTTPS client',
      "for a registry of your own without TLS: --tls-verify=false",
    ],
  ])("is not tried again after %s", async (_, stderr, hint) => {
    const { attempt, left } = failing(stderr, stderr);
    await expect(withRetries("push it", attempt, silent, { waits })).rejects.toMatchObject({ hint });
    expect(left).toHaveLength(1);
  });

  it("is not tried again where buildah did that already", async () => {
    const { attempt, left } = failing(
      `level=warning msg="Failed, retrying in 2s ... (3/3). Error: x"\n${refused}`,
      refused,
    );
    await expect(withRetries("push it", attempt, silent, { waits })).rejects.toThrow("cannot push it");
    expect(left).toHaveLength(1);
  });

  it("is tried again where buildah gave up before its last attempt", async () => {
    const { attempt } = failing(
      'level=warning msg="Failed, retrying in 2s ... (1/3). Error: x"\nError: writing blob: use of closed network connection',
    );
    expect(await withRetries("push it", attempt, silent, { waits })).toBe("done");
  });

  it("is given up at once if it makes no progress", async () => {
    const stalled = new CommandFailure(["buildah"], {
      stderr: "Error: x",
      reason: "no progress for 60 s",
      stalled: true,
    });
    let attempts = 0;
    const attempt = () => {
      attempts++;
      return Promise.reject(stalled);
    };
    await expect(withRetries("push it", attempt, silent, { waits })).rejects.toMatchObject({
      message: "cannot push it: no progress for 60 s",
      hint: "check that the registry is well; --timeout gives it more time",
    });
    expect(attempts).toBe(1);
  });

  it("is tried again after what is expected to be late", async () => {
    const missing = "Error: reading manifest sha256:0 in h/a: manifest unknown";
    const { attempt } = failing(missing);
    expect(await withRetries("find it", attempt, silent, { waits, passing: /manifest unknown/ })).toBe("done");
    const again = failing(missing);
    await expect(withRetries("find it", again.attempt, silent, { waits })).rejects.toThrow(/: reading manifest/);
  });

  it.each([
    [
      'Error: setting up to read manifest and configuration from "docker://h/a:1": reading manifest 1 in h/a: manifest unknown',
      "reading manifest 1 in h/a: manifest unknown",
    ],
    [
      'Error: pushing image "i" to "docker://h/a:1": trying to reuse blob sha256:0 at destination: unexpected end of JSON input',
      "unexpected end of JSON input",
    ],
    [
      'Error: reading manifest from "docker://h/a:1", instance "sha256:0": reading manifest sha256:0 in h/a: manifest unknown',
      "reading manifest sha256:0 in h/a: manifest unknown",
    ],
  ])("names its cause alone: %s", async (stderr, cause) => {
    const { attempt } = failing(stderr);
    await expect(withRetries("do it", attempt, silent, { waits })).rejects.toThrow(`cannot do it: ${cause}`);
  });

  it("lets a bug through as it is", async () => {
    const bug = new TypeError("oops");
    await expect(withRetries("push it", () => Promise.reject(bug), silent, { waits })).rejects.toBe(bug);
  });
});
