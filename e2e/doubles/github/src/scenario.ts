/**
 * What a test may do at the double, and what it may read there. One method is one POST to `<control>/<method>` with the
 * input as JSON; the answer is the result as JSON. Everything done here sends the webhooks that GitHub would send.
 */
export interface Scenario {
  // Accounts
  createUser(input: NewUser): Promise<Account>;
  createOrganisation(input: NewOrganisation): Promise<Account>;
  /** Keeps the numeric id. Sends `organization` (renamed) for an organisation. */
  renameAccount(input: { login: string; to: string }): Promise<Account>;
  addMember(input: { organisation: string; login: string; role?: OrganisationRole }): Promise<void>;
  removeMember(input: { organisation: string; login: string }): Promise<void>;
  createTeam(input: { organisation: string; slug: string; members?: string[] }): Promise<{ id: number; slug: string }>;
  deleteTeam(input: { organisation: string; slug: string }): Promise<void>;
  addTeamMember(input: { organisation: string; slug: string; login: string }): Promise<void>;
  removeTeamMember(input: { organisation: string; slug: string; login: string }): Promise<void>;
  /** What one person may do with one repository; `none` takes them out. Owners and organisation admins always have `admin`. */
  setPermission(input: { repository: string; login: string; permission: Permission | 'none' }): Promise<void>;
  /** Who sits at the browser that opens pages of the double; null signs out. */
  signIn(input: { login: string | null }): Promise<void>;

  // Repositories. `repository` is always "owner/name", as it is called now.
  createRepository(input: NewRepository): Promise<Repository>;
  /** A copy of all branches under another account; its pull requests go to the original. */
  forkRepository(input: { repository: string; owner: string; name?: string }): Promise<Repository>;
  renameRepository(input: { repository: string; to: string }): Promise<Repository>;
  transferRepository(input: { repository: string; owner: string }): Promise<Repository>;
  archiveRepository(input: { repository: string; archived?: boolean }): Promise<Repository>;
  setVisibility(input: { repository: string; private: boolean }): Promise<Repository>;
  setDefaultBranch(input: { repository: string; branch: string }): Promise<Repository>;
  deleteRepository(input: { repository: string }): Promise<void>;

  // Commits and refs
  /** One commit on a branch, which is made when missing. Pull requests from that branch follow it. */
  push(input: Push): Promise<{ sha: string; before: string | null }>;
  createTag(input: { repository: string; tag: string; sha?: string; author?: string }): Promise<{ sha: string }>;
  /** Moves or makes a branch without a new commit. */
  setBranch(input: { repository: string; branch: string; sha: string; author?: string }): Promise<void>;
  deleteBranch(input: { repository: string; branch: string; author?: string }): Promise<void>;

  // Pull requests
  openPullRequest(input: NewPullRequest): Promise<PullRequest>;
  closePullRequest(input: { repository: string; number: number; author?: string }): Promise<PullRequest>;
  reopenPullRequest(input: { repository: string; number: number; author?: string }): Promise<PullRequest>;
  readyForReview(input: { repository: string; number: number; author?: string }): Promise<PullRequest>;
  convertToDraft(input: { repository: string; number: number; author?: string }): Promise<PullRequest>;
  /** Another title. */
  editPullRequest(input: { repository: string; number: number; title: string; author?: string }): Promise<PullRequest>;
  /** A merge commit on the base branch: `pull_request` (closed, merged) and `push`. */
  mergePullRequest(input: { repository: string; number: number; author?: string }): Promise<{ sha: string }>;
  comment(input: { repository: string; number: number; author: string; body: string }): Promise<{ id: number }>;
  /** As if a person edited it in the browser. */
  editComment(input: { repository: string; id: number; author: string; body: string }): Promise<void>;
  deleteComment(input: { repository: string; id: number; author: string }): Promise<void>;
  /** The «Re-run» button of one check run. */
  rerequestCheckRun(input: { id: number; author: string }): Promise<void>;
  /** The «Re-run all checks» button of one commit. */
  rerequestCheckSuite(input: { repository: string; sha: string; author: string }): Promise<void>;
  /** A check run of another App, such as the repository's CI; the same name on the same commit is updated. */
  otherCheck(input: OtherCheck): Promise<{ id: number }>;
  /** A commit status by somebody else, such as an older CI; the last one of a context counts. */
  otherStatus(input: {
    repository: string;
    sha: string;
    context: string;
    state: 'pending' | 'success' | 'failure' | 'error';
  }): Promise<void>;

  // Apps and installations
  createApp(input: NewApp): Promise<AppCredentials>;
  /** A second key; the first goes with `revokeKeys: true`. */
  rotateKey(input: { appId: number; revokeKeys?: boolean }): Promise<{ privateKeyPem: string }>;
  /** Returns the new secret; every later delivery is signed with it. */
  setWebhook(input: { appId: number; url?: string; secret?: string }): Promise<{ webhookSecret: string }>;
  install(input: { appId: number; account: string; repositories: 'all' | string[]; author?: string }): Promise<{
    installationId: number;
  }>;
  uninstall(input: { installationId: number }): Promise<void>;
  suspend(input: { installationId: number }): Promise<void>;
  unsuspend(input: { installationId: number }): Promise<void>;
  /** Names of repositories of the installation's account, without the owner. */
  addRepositories(input: { installationId: number; repositories: string[] }): Promise<void>;
  removeRepositories(input: { installationId: number; repositories: string[] }): Promise<void>;
  /** What the account's owner has accepted; narrower than what the App asks for, until they accept it. */
  setInstallationPermissions(input: { installationId: number; permissions: Record<string, string> }): Promise<void>;

  // Time, faults, limits
  /** The double's own clock, for expiry of tokens and the deliveries' window. Only forwards. */
  advanceClock(input: { ms: number }): Promise<{ now: string }>;
  /** Adds one fault; the first that meets a call or a delivery takes effect. */
  addFault(input: Fault): Promise<{ id: number }>;
  clearFaults(input: { id?: number }): Promise<void>;
  /** Sends the deliveries that a `hold` fault kept back, shuffled; clears the holding faults. */
  release(input: { seed?: number }): Promise<{ sent: number }>;
  /** What is left of the hour's calls of one installation, or of the App's own with `appId`; null: no limit but 5,000. */
  setRateLimit(input: { installationId?: number; appId?: number; remaining: number | null }): Promise<void>;
  /** Points that may be spent in a minute, 1 for reading and 5 for anything else; beyond, `status`, else 403. null: no limit. */
  setSecondaryLimit(input: {
    installationId?: number;
    appId?: number;
    points: number | null;
    status?: 403 | 429;
  }): Promise<void>;

  // Reading
  checkRuns(input: { repository: string; sha: string }): Promise<Json[]>;
  /** Each with its `statuses`, the newest first. */
  deployments(input: { repository: string }): Promise<Json[]>;
  comments(input: { repository: string; number: number }): Promise<Json[]>;
  pullRequest(input: { repository: string; number: number }): Promise<PullRequest>;
  branches(input: { repository: string }): Promise<Record<string, string>>;
  deliveries(input: { appId?: number }): Promise<Delivery[]>;
  apps(input: Record<string, never>): Promise<(AppCredentials & { installations: number[] })[]>;
  /** Calls of the REST API, OAuth and git since the start or the last `forgetRequests`. */
  requests(input: Record<string, never>): Promise<RecordedRequest[]>;
  forgetRequests(input: Record<string, never>): Promise<void>;
  /** Answers of the double that GitHub's own description does not allow. Empty, or the double is wrong. */
  violations(input: Record<string, never>): Promise<string[]>;
  /** Resolves when no ref moves and no delivery is on its way. */
  settled(input: Record<string, never>): Promise<void>;
}

export type Json = Record<string, unknown>;
/** A billing manager has a membership, but is in no list of members and reads no private repository. */
export type OrganisationRole = 'admin' | 'member' | 'billing_manager';
export type Permission = 'read' | 'triage' | 'write' | 'maintain' | 'admin';
export type Account = Readonly<{ id: number; login: string; type: 'User' | 'Organization' }>;
export type NewUser = Readonly<{ login: string; name?: string; email?: string }>;
export type NewOrganisation = Readonly<{
  login: string;
  members?: readonly { login: string; role: OrganisationRole }[];
  teams?: readonly { slug: string; members: readonly string[] }[];
}>;

/**
 * A file of a commit: text, bytes in base64, a symlink, a submodule, or null to remove it.
 */
export type FileContent =
  | string
  | null
  | Readonly<{ base64: string; executable?: boolean }>
  | Readonly<{ text: string; executable: boolean }>
  | Readonly<{ symlink: string }>
  | Readonly<{ submodule: string }>;
export type Files = Readonly<Record<string, FileContent>>;

export type NewRepository = Readonly<{
  owner: string;
  name: string;
  private?: boolean;
  /** `main` when left out. */
  defaultBranch?: string;
  /** The first commit; without files the repository is empty. */
  files?: Files;
}>;
/** `cloneUrl` holds no credentials. */
export type Repository = Readonly<{
  id: number;
  owner: string;
  name: string;
  fullName: string;
  private: boolean;
  archived: boolean;
  defaultBranch: string;
  cloneUrl: string;
}>;
export type Push = Readonly<{
  repository: string;
  branch: string;
  files: Files;
  message?: string;
  /** A login; the repository's owner, or the organisation's first admin, when left out. */
  author?: string;
  /** Starts anew from `parent`, or from nothing, so that the branch is not fast-forwarded. */
  force?: boolean;
  /** The commit to build on when it is not the branch's head. */
  parent?: string;
}>;
export type NewPullRequest = Readonly<{
  repository: string;
  /** A branch of the repository, or of `fork`. */
  head: string;
  base?: string;
  title?: string;
  body?: string;
  author?: string;
  draft?: boolean;
  /** Full name of the fork that holds the branch. */
  fork?: string;
}>;
export type PullRequest = Readonly<{
  id: number;
  number: number;
  state: 'open' | 'closed';
  merged: boolean;
  draft: boolean;
  headSha: string;
  baseSha: string;
}>;
export type OtherCheck = Readonly<{
  repository: string;
  sha: string;
  name: string;
  status: 'queued' | 'in_progress' | 'completed';
  conclusion?: 'success' | 'failure' | 'cancelled' | 'neutral' | 'skipped' | 'timed_out';
  /** More jobs follow that wait for this one and have no check run yet: the suite is not completed with its runs. */
  goesOn?: boolean;
  /** Another App than the usual one, by its name: it has a suite of its own. */
  app?: string;
}>;

export type NewApp = Readonly<{
  name?: string;
  /** A login; a new organisation's when left out. */
  owner?: string;
  webhookUrl?: string;
  callbackUrls?: readonly string[];
  setupUrl?: string;
  /** Those that Wherry's manifest asks for when left out. */
  permissions?: Readonly<Record<string, string>>;
  events?: readonly string[];
}>;
export type AppCredentials = Readonly<{
  appId: number;
  slug: string;
  privateKeyPem: string;
  clientId: string;
  clientSecret: string;
  webhookSecret: string;
}>;

export type Fault = Readonly<{
  /** `path` is a regular expression over the path and query without the API's prefix; event `*` is any. */
  match: Readonly<{ method?: string; path: string }> | Readonly<{ event: string; action?: string }>;
  /** How many times it takes effect; without end when left out. */
  times?: number;
  /** Part of the matches that it meets, 0 to 1, by a generator with a fixed seed. */
  share?: number;
  /** Calls: no answer and a closed connection. Deliveries: recorded as failed and never sent. */
  drop?: boolean;
  /** Deliveries: neither sent nor recorded, as if it never happened. */
  lose?: boolean;
  /** Waits this long before the rest. */
  delayMs?: number;
  /** Deliveries: sent this many times more, each with the same GUID. */
  duplicate?: number;
  /** Deliveries: kept until `release`. */
  hold?: boolean;
  /** Calls: this status instead of an answer. Deliveries: recorded as failed with it, and never sent. */
  status?: number;
  headers?: Readonly<Record<string, string>>;
  body?: string;
  /** Calls: the answer stops half way. */
  cut?: boolean;
  /** Calls: the right answer under this content type. */
  contentType?: string;
}>;

export type Delivery = Readonly<{
  id: number;
  guid: string;
  appId: number;
  event: string;
  action: string | null;
  redelivery: boolean;
  /** `OK`, `Invalid HTTP Response: 500`, `timed out`, `failed to connect`, … */
  status: string;
  statusCode: number;
  deliveredAt: string;
  durationMs: number;
  installationId: number | null;
  repositoryId: number | null;
  headers: Readonly<Record<string, string>>;
  /** The exact bytes that were signed, as text. */
  body: string;
}>;
export type RecordedRequest = Readonly<{
  method: string;
  path: string;
  status: number;
  /** Who called: nobody, the App itself, an installation, a person. */
  as: 'nobody' | 'app' | 'installation' | 'user';
  body: unknown;
}>;
