/** Whose packages and package manager: Debian's with apt, or Fedora's with dnf. */
export const families = ["debian", "fedora"] as const;
export type Family = (typeof families)[number];
