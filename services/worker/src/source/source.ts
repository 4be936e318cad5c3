/** The head of a ref, as the source has it now. */
export type Head = Readonly<{
  /** 40 lower-case hex digits, as is treeSha. */
  commitSha: string;
  treeSha: string;
  /** The subject: the first line of the message. */
  message: string;
  author: string;
}>;

/** A repository and a token that may read it. */
export type SourceRepository = Readonly<{ tenantSlug: string; name: string; token: string }>;

/** Where repositories live. */
export interface Source {
  /** The head now, or null when the ref or the repository is gone. @throws when the source does not answer. */
  head(repository: SourceRepository, ref: string): Promise<Head | null>;
  /** The URL to fetch from, without credentials. */
  remoteFor(repository: Readonly<{ tenantSlug: string; name: string }>): string;
}
