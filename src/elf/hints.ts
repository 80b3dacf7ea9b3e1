/** What a program probably opens by itself, though nothing in its headers says so. */
export interface Hint {
  /** A path, or what a recipe has to decide about. */
  readonly about: string;
  /** The imported symbols that give it away, sorted. */
  readonly imports: readonly string[];
  readonly sentence: string;
}

interface Sign {
  readonly about: string;
  readonly symbols: RegExp;
  readonly sentence: string;
}

const signs: readonly Sign[] = [
  {
    about: "/etc/services",
    symbols: /^getserv(byname|byport|ent)(_r)?$/,
    sentence: "looks up services by name; without /etc/services only numbers work",
  },
  { about: "/etc/protocols", symbols: /^getproto(byname|bynumber|ent)(_r)?$/, sentence: "looks up protocols by name" },
  {
    about: "/etc/passwd",
    symbols: /^(getpw(nam|uid|ent)(_r)?|initgroups|getgrouplist)$/,
    sentence: "looks up users; without /etc/passwd only numbers work",
  },
  { about: "/etc/group", symbols: /^(getgr(nam|gid|ent)(_r)?|initgroups|getgrouplist)$/, sentence: "looks up groups" },
  {
    about: "/etc/resolv.conf",
    symbols: /^(getaddrinfo|gethostby(name2?|addr)(_r)?|res_n?(init|query|search)|__res_n?(init|query|search))$/,
    sentence: "resolves host names; the container's runtime usually provides /etc/resolv.conf and /etc/hosts",
  },
  {
    about: "/etc/nsswitch.conf",
    symbols: /^(getaddrinfo|gethostby(name2?|addr)(_r)?|get(pw|gr)(nam|uid|gid)(_r)?)$/,
    sentence: "asks the name service switch; modules other than files and dns are libraries of their own",
  },
  {
    about: "/usr/share/zoneinfo",
    symbols: /^(localtime(_r|64_r|64)?|tzset|mktime)$/,
    sentence: "uses local time; without zone data it is UTC",
  },
  {
    about: "gconv",
    symbols: /^iconv_open$/,
    sentence: "converts character sets; all but UTF-8, UTF-16, UCS-4 and ASCII are modules in the gconv directory",
  },
  {
    about: "locale",
    symbols: /^(setlocale|newlocale)$/,
    sentence: "uses locales; C, POSIX and since 2.35 C.UTF-8 need no files",
  },
  {
    about: "CA certificates",
    symbols:
      /^(SSL_CTX_set_default_verify_paths|X509_STORE_set_default_paths|gnutls_certificate_set_x509_system_trust)$/,
    sentence: "trusts the system's certificates; without a bundle no TLS connection is trusted",
  },
  { about: "PAM", symbols: /^pam_start(_confdir)?$/, sentence: "opens the PAM modules that /etc/pam.d names" },
  {
    about: "SASL",
    symbols: /^sasl_(client|server)_init$/,
    sentence: "opens SASL mechanisms from its plug-in directory",
  },
  {
    about: "OpenSSL providers",
    symbols: /^OSSL_PROVIDER_(load|try_load)$/,
    sentence: "loads OpenSSL providers; the default one is inside libcrypto",
  },
];

/** What the imports of a closure's files predict, in the order of the table above; pure. */
export function hintsFrom(imports: Iterable<string>): readonly Hint[] {
  const names = [...new Set(imports)].toSorted();
  return signs.flatMap(({ about, symbols, sentence }) => {
    const found = names.filter((name) => symbols.test(name));
    return found.length === 0 ? [] : [{ about, imports: found, sentence }];
  });
}
