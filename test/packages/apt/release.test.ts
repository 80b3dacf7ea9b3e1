import { expect, it } from "vitest";
import { parseRelease } from "../../../src/packages/apt/release.ts";

/** As `apt-cache policy` of apt 2.6.1 prints it, with another place. */
const lists = `Package files:
 100 /var/lib/private/status
     release a=now
 500 http://archive.example/debian-security bookworm-security/main amd64 Packages
     release v=12,o=Debian,a=oldstable-security,n=bookworm-security,l=Debian-Security,c=main,b=amd64
     origin archive.example
 500 http://archive.example/debian sid/main amd64 Packages
     release o=Debian,a=unstable,n=sid,l=Debian,c=main,b=amd64
     origin archive.example
 500 http://archive.example/ubuntu noble/main amd64 Packages
     release v=24.04,o=Ubuntu,a=noble,n=noble,l=Ubuntu,c=main,b=amd64
     origin archive.example
 500 http://archive.example/debian bookworm/main amd64 Packages
     release v=12.15,o=Debian,a=oldstable,n=bookworm,l=Debian,c=main,b=amd64
     origin archive.example
 500 http://archive.example/nameless ./ Packages
     release c=
     origin archive.example
Pinned packages:
`;

const policy = (candidate: string, list: string) => `served:
  Installed: (none)
  Candidate: ${candidate}
  Version table:
     2.0-1 500
        990 ${list}
     1.0-1 500
        500 http://archive.example/debian sid/main amd64 Packages
`;

it.each([
  ["Debian by its major version", "2.0-1", "debian bookworm/main amd64", { id: "debian", version: "12" }],
  [
    "Debian's security archive",
    "2.0-1",
    "debian-security bookworm-security/main amd64",
    { id: "debian", version: "12" },
  ],
  ["Debian's unstable, which has no version", "2.0-1", "debian sid/main amd64", { id: "debian", version: "sid" }],
  ["a relative of Debian", "2.0-1", "ubuntu noble/main amd64", { id: "ubuntu", version: "24.04" }],
  [
    "the candidate's list, not the newest version's",
    "1.0-1",
    "debian bookworm/main amd64",
    { id: "debian", version: "sid" },
  ],
  ["a list that does not say", "2.0-1", "nameless ./", undefined],
  ["a list that apt does not know", "2.0-1", "elsewhere x/main amd64", undefined],
  ["no candidate", "(none)", "debian bookworm/main amd64", undefined],
])("%s", (_, candidate, list, release) => {
  expect(parseRelease(policy(candidate, `http://archive.example/${list} Packages`), lists)).toEqual(release);
});

it("a package that apt does not know", () => expect(parseRelease("", lists)).toBeUndefined());
