import type { GithubPlace } from '@wherry/db';

/** The head of a ref, as the source has it now. */
export type Head = Readonly<{
  /** 40 lower-case hex digits, as is treeSha. */
  commitSha: string;
  treeSha: string;
  /** The subject: the first line of the message. */
  message: string;
  author: string;
  /** All that may hold a skip token: the whole message, and the title of a pull request. The subject when left out. */
  words?: string;
  /** When the ref is the head of a pull request. */
  pull?: PullRequest;
}>;

/** An open pull request. */
export type PullRequest = Readonly<{
  number: number;
  title: string;
  headRef: string;
  baseRef: string;
  /** Whether its commits come from another repository, one that is gone included. */
  isFork: boolean;
  isDraft: boolean;
  authorLogin: string;
  authorId: number;
}>;

/** A repository; `github` is null on the built-in remote. */
export type SourceRepository = Readonly<{ tenantSlug: string; name: string; github: GithubPlace | null }>;

/** Where to fetch from: the URL without credentials, and a token that reads this repository only. */
export type SourceAccess = Readonly<{ url: string; token: string }>;

/** The source will not give this, now or later, until somebody does what the message says. */
export class SourceRefusedError extends Error {
  override name = 'SourceRefusedError';
}

/** Where repositories live. `token`: one that opens the repository on the built-in remote; others have their own. */
export interface Source {
  /**
   * The head now, or null when the ref is gone (a pull request: closed).
   * @throws SourceRefusedError when the repository cannot be seen; another Error when the source does not answer.
   */
  head(repository: SourceRepository, ref: string, token: string): Promise<Head | null>;
  /** @throws SourceRefusedError when the repository cannot be read; another Error when the source does not answer. */
  access(repository: SourceRepository, token: string): Promise<SourceAccess>;
}

/** What checks other than ours say of a commit. `name` is one that failed. */
export type CommitChecks =
  Readonly<{ state: 'none' | 'pending' | 'succeeded' }> | Readonly<{ state: 'failed'; name: string }>;

/** A comment of an issue or a pull request. */
export type Comment = Readonly<{ issueNumber: number; body: string; author: Readonly<{ login: string; id: number }> }>;

/** More about a repository on GitHub, for its plans. Every method throws what `Source.head` throws. */
export interface Inspector {
  /** A comment as it is now. Null when it is gone, or its author's account is. */
  comment(place: GithubPlace, id: number): Promise<Comment | null>;
  /** Whether somebody may not write to the repository. */
  isOutsider(place: GithubPlace, person: Readonly<{ login: string; id: number }>): Promise<boolean>;
  /**
   * Paths that differ from `base` (a commit, or a ref) to `commitSha`: added, changed and removed, net. Null when that
   * cannot be told: too many, or a history that went another way.
   */
  changes(place: GithubPlace, base: string, commitSha: string): Promise<readonly string[] | null>;
  /** Names of the files in a folder of a commit (`.`: the root); none when there is no such folder. */
  files(place: GithubPlace, commitSha: string, folder: string): Promise<readonly string[]>;
  checks(place: GithubPlace, commitSha: string): Promise<CommitChecks>;
}
