/** The smallest recipe that is right; rows of tests replace one line of it. */
export const rightRecipe = `name: echo
title: Echo server
license: MIT
arches: [x86_64, aarch64]
service:
  command: [/usr/sbin/echod, -f]
  user: 7:7
  config: [/etc/echod.conf]
  state: [/var/lib/echod]
fedora:
  base: registry.example/base:1
  packages: [echo-server]
scratch:
  binaries: [echod]
  packages:
    fedora: [echo-server]
    debian: [echod]
checks:
  - name: it starts
    run: [/usr/sbin/echod, --version]
`;

/** The right recipe with its first line that begins as `wanted` does replaced; indentation stays where it is. */
export function withLine(wanted: string, replacement: string): string {
  if (!rightRecipe.includes(wanted)) throw new Error(`the right recipe has no ${wanted}`);
  return rightRecipe.replace(wanted, () => replacement);
}
