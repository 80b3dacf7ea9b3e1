const repeated = (character: string, length: number) => character.repeat(length);
const sha256 = `sha256:${repeated("a", 64)}`;

/** Texts that are the name of an image, with or without tag and digest, or its ID. */
export const imageNames = [
  ...["x", "x:1", "localhost/x-y:1", "localhost/x:Ab-", "a--b", "a__b", "a.b/c_d/e-f", "registry.example:5000/x"],
  ...["a_b/x:1", "HOST.x/y", "x:_y", `x:${repeated("t", 128)}`, `localhost/x@${sha256}`, `localhost/x:1@${sha256}`],
  ...[repeated("a", 12), repeated("a", 64), sha256, "localhost:5000"],
];

/** Texts that are none. */
export const noImageNames = [
  ...["localhost/x-:1", "x-", "x_", "x.", "a___b", "a..b", "a.-b", "localhost/x-/y:1", "localhost/A:1", "a-/x", "x:"],
  ...[
    "x:.y",
    "x:-y",
    `x:${repeated("t", 129)}`,
    "x y",
    "x@",
    "[::1]:5000/x",
    "x@sha256:abc",
    `x@sha256:${repeated("a", 40)}`,
  ],
  ...[`x@${sha256.toUpperCase()}`, `x@sha256:${repeated("A", 64)}`, `x@md5:${repeated("a", 32)}`],
];
