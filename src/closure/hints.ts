import type { Evidence } from "./evidence.ts";

/** What a program probably opens by itself, though nothing in its headers says so. */
export interface Hint {
  /** A path, or what a recipe has to decide about. */
  readonly about: string;
  /** Other paths that answer it when the image has one of them. */
  readonly answers: readonly string[];
  /** The imported symbols that give it away, sorted. */
  readonly imports: readonly string[];
  readonly sentence: string;
}

interface Sign {
  readonly about: string;
  readonly symbols: RegExp;
  /** Whose imports count: a library of others is rarely used for all that it can do. */
  readonly of: "imports" | "own";
  readonly answers?: readonly string[];
  /** undefined if more evidence is wanted and missing. */
  readonly sentence: string | ((evidence: Evidence) => string | undefined);
}

const executes = /^(?:system|popen|wordexp|exec[lv]p?e?|execvpe|fexecve|posix_spawnp?)$/;

/**
 * The rules were tried on 40 daemons of Debian 12. Those about users, services and PAM hold for libraries, too; what only libraries can do
 * (SASL of libldap, certificates of libcurl, iconv of libstdc++, resolver of Kerberos) was hardly ever used by the service.
 */
const signs: readonly Sign[] = [
  {
    about: "/etc/services",
    symbols: /^getserv(byname|byport|ent)(_r)?$/,
    of: "imports",
    sentence: "looks up services by name; without /etc/services only numbers work",
  },
  {
    about: "/etc/protocols",
    symbols: /^getproto(byname|bynumber|ent)(_r)?$/,
    of: "imports",
    sentence: "looks up protocols by name",
  },
  {
    about: "/etc/passwd",
    symbols: /^(getpw(nam|uid|ent)(_r)?|initgroups|getgrouplist)$/,
    of: "imports",
    sentence: "looks up users; without /etc/passwd only numbers work",
  },
  {
    about: "/etc/group",
    symbols: /^(getgr(nam|gid|ent)(_r)?|initgroups|getgrouplist)$/,
    of: "imports",
    sentence: "looks up groups",
  },
  {
    // getaddrinfo alone is mostly given addresses to listen on.
    about: "/etc/resolv.conf",
    symbols: /^(gethostby(name2?|addr)(_r)?|(__)?res_n?(init|query|search))$/,
    of: "own",
    sentence: "resolves host names; the container's runtime usually provides /etc/resolv.conf and /etc/hosts",
  },
  {
    about: "/etc/nsswitch.conf",
    symbols: /^(getaddrinfo|gethostby(name2?|addr)(_r)?)$/,
    of: "imports",
    // "files dns" is the default since 2.35 (NEWS, bug 28700).
    sentence: ({ glibc = 35 }) =>
      glibc < 35 ? "resolves host names; without this file its C library asks DNS before /etc/hosts" : undefined,
  },
  {
    about: "/usr/share/zoneinfo",
    symbols: /^(localtime(_r|64_r|64)?|tzset|mktime)$/,
    of: "own",
    answers: ["/etc/localtime"],
    sentence: "uses local time, which is UTC without zone data; tzdata has it, include: [/usr/share/zoneinfo]",
  },
  { about: "gconv", symbols: /^iconv_open$/, of: "own", sentence: gconvSentence },
  { about: "locale", symbols: /^(setlocale|newlocale)$/, of: "own", sentence: localeSentence },
  {
    about: "CA certificates",
    symbols:
      /^(SSL_CTX_set_default_verify_paths|X509_STORE_set_default_paths|gnutls_certificate_set_x509_system_trust)$/,
    of: "own",
    answers: ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"],
    sentence: "trusts the system's certificates; without a bundle no TLS connection is trusted",
  },
  {
    about: "PAM",
    symbols: /^pam_start(_confdir)?$/,
    of: "imports",
    answers: ["/etc/pam.d"],
    sentence: "opens the PAM modules that /etc/pam.d names",
  },
  {
    about: "SASL",
    symbols: /^sasl_(client|server)_init$/,
    of: "own",
    sentence: "opens SASL mechanisms from its plug-in directory",
  },
  {
    about: "OpenSSL providers",
    symbols: /^OSSL_PROVIDER_(load|try_load)$/,
    of: "own",
    sentence: "loads OpenSSL providers; the default one is inside libcrypto",
  },
  {
    about: "backtraces",
    symbols: /^(__)?backtrace$/,
    of: "own",
    answers: ["x86_64-linux-gnu/", "aarch64-linux-gnu/"].map((triplet) => `/usr/lib/${triplet}libgcc_s.so.1`),
    sentence: "prints backtraces, which are empty without libgcc_s.so.1; dlopen: { backtraces: true } adds it",
  },
  {
    about: "/bin/sh",
    symbols: executes,
    of: "own",
    sentence: ({ own, texts }) =>
      ["system", "popen", "wordexp"].some((name) => own.has(name)) || texts(/\0\/bin\/(?:ba|da)?sh\0/g).length > 0
        ? "runs commands through a shell, and the image has none"
        : "can start programs, and the image has no shell and only the programs that the recipe names",
  },
];

/** What the evidence predicts, in the order of the table above, then directories of the service's own packages; pure. */
export function hintsFrom(evidence: Evidence): readonly Hint[] {
  const known = signs.flatMap(({ about, symbols, of, answers = [], sentence }) => {
    const found = [...evidence[of]].filter((name) => symbols.test(name)).toSorted();
    const text = found.length === 0 ? undefined : typeof sentence === "string" ? sentence : sentence(evidence);
    return text === undefined ? [] : [{ about, answers, imports: found, sentence: text }];
  });
  return [...known, ...evidence.directories.map((path) => directoryHint(path, evidence))];
}

/** The same on every architecture, as `include` takes it. */
function directoryHint(path: string, { lib }: Evidence): Hint {
  const about = lib === "lib" ? path : path.replace(new RegExp(`^/usr/${lib}/`), "/usr/$$LIB/");
  const sentence =
    "may open plug-ins, helper programs or data in this directory of its package; include those that it uses";
  return { about, answers: [path], imports: [], sentence };
}

/** Modules by the names of character sets as programs write them. */
const modules: readonly (readonly [name: RegExp, module: string])[] = [
  [/^UTF-?(7|16|32)/i, "UTF-$1"],
  [/^UNICODE/i, "UNICODE"],
  [/^ISO-?8859-(\d+)$/i, "ISO8859-$1"],
  [/^LATIN1$/i, "ISO8859-1"],
  [/^(?:CP|WINDOWS-)(\d+)$/i, "CP$1"],
  [/^(KOI8-[RU]|BIG5|GBK|GB18030|EUC-(?:JP|KR|CN|TW))$/i, "$1"],
];
const characterSet =
  /\0(?:UTF-?(?:7|16|32)(?:[LB]E)?|UNICODE|ISO-?8859-\d+|LATIN1|(?:CP|WINDOWS-)\d+|KOI8-[RU]|BIG5|GBK|GB18030|EUC-(?:JP|KR|CN|TW))(?=\0)/gi;
/** A list of all that exist is no hint. */
const mostModules = 4;

/** gconv_builtin.h of glibc has ASCII, UTF-8, UCS-2, UCS-4 and the loader's INTERNAL; all others are modules. */
function gconvSentence({ texts, lib, has }: Evidence): string {
  const directory = `/usr/${lib}/gconv`;
  const named = texts(characterSet).flatMap((text) => {
    const name = text.slice(1);
    const [pattern, module = ""] = modules.find(([each]) => each.test(name)) ?? [];
    return pattern === undefined ? [] : [name.toUpperCase().replace(new RegExp(`${pattern.source}.*`, "i"), module)];
  });
  const present = [...new Set(named)].filter((name) => has(`${directory}/${name}.so`)).slice(0, mostModules);
  const wanted = present.length === 0 ? ["UTF-16"] : present;
  const files = ["gconv-modules", ...(has(`${directory}/gconv-modules.d`) ? ["gconv-modules.d/*"] : [])];
  const lines = [...files, ...wanted.map((name) => `${name}.so`)].map((file) => `/usr/$LIB/gconv/${file}`);
  const from = has(`${directory}/${wanted[0]}.so`)
    ? ""
    : ", of the package libc-gconv-modules-extra of Debian or glibc-gconv-extra of Fedora";
  return `converts character sets; only ASCII, UTF-8, UCS-2 and UCS-4 with their LE and BE are inside libc, others are modules such as ${wanted.join(", ")}${from}; include: [${lines.join(", ")}]`;
}

const localeName = /\0(?:C|POSIX|[a-z]{2,3}_[A-Z]{2})\.(?:UTF-8|utf8)(?=\0)/g;

/** A locale but C and POSIX is a directory, C.UTF-8 included (setlocale(3), measured with 2.36). Nobody asks for one without its name. */
function localeSentence({ texts, environment }: Evidence): string | undefined {
  const chosen = Object.entries(environment).flatMap(([name, value]) =>
    /^(?:LANG|LC_\w+)$/.test(name) ? [value] : [],
  );
  const [locale] = [...chosen, ...texts(localeName).map((text) => text.slice(1))].filter(
    (name) => !["", "C", "POSIX"].includes(name),
  );
  if (locale === undefined) return undefined;
  const directory = locale.replace(/\.utf-?8/i, ".utf8");
  const from =
    directory === "C.utf8" ? "libc-bin of Debian and glibc-common of Fedora have it" : "it is compiled by localedef";
  return `uses the locale ${locale}; only C and POSIX are inside libc, ${from}, include: [/usr/lib/locale/${directory}]`;
}
