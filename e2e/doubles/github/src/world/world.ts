import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Description } from '../rest/description';
import type { Permission } from '../scenario';
import type { AccountState, AppState, CodeState, InstallationState, RepositoryState, TokenState } from './types';

const int32 = 2 ** 32;
/** Check runs, comments and the like have outgrown 32 bits at GitHub, so they have here. */
const firstIds = { small: 1_000, large: 3 * int32 };

const levels: Readonly<Record<string, number>> = { none: 0, read: 1, triage: 2, write: 3, maintain: 4, admin: 5 };

/** Everything that one double of GitHub knows. Holds state and answers questions about it; changes nothing by itself. */
export class World {
  readonly accounts = new Map<number, AccountState>();
  readonly repositories = new Map<number, RepositoryState>();
  readonly apps = new Map<number, AppState>();
  readonly installations = new Map<number, InstallationState>();
  readonly tokens = new Map<string, TokenState>();
  private readonly codes = new Map<string, CodeState>();
  /** Lower-case names that repositories had before they were renamed or transferred, to their ids. */
  readonly formerNames = new Map<string, number>();
  /** Who sits at the browser. */
  signedInId: number | null = null;
  readonly folder = mkdtempSync(path.join(tmpdir(), 'github-double-'));
  private readonly next = { ...firstIds };
  private shiftMs = 0;

  /** @param url no slash at the end; `apiUrl` is `<url>/api/v3`. */
  constructor(
    readonly url: string,
    readonly description: Description,
  ) {}

  get apiUrl(): string {
    return `${this.url}/api/v3`;
  }

  now(): number {
    return Date.now() + this.shiftMs;
  }

  advance(ms: number): void {
    this.shiftMs += ms;
  }

  id(size: keyof typeof firstIds = 'small'): number {
    // Gaps, so that an id that was guessed by counting is nobody's.
    return (this.next[size] += 7);
  }

  secret(prefix: string): string {
    return prefix + randomBytes(20).toString('hex');
  }

  /** A code that is good once, for so long. */
  issueCode(code: CodeState, prefix = ''): string {
    const name = this.secret(prefix);
    this.codes.set(name, code);
    return name;
  }

  /** Uses a code up; undefined when it is unknown, used or too old. */
  takeCode<Kind extends CodeState['kind']>(name: string, kind: Kind): Extract<CodeState, { kind: Kind }> | undefined {
    const code = this.codes.get(name);
    if (code?.kind !== kind) return undefined;
    this.codes.delete(name);
    return code.expiresAt > this.now() ? (code as Extract<CodeState, { kind: Kind }>) : undefined;
  }

  account(login: string): AccountState | undefined {
    return this.accounts.values().find((account) => account.login.toLowerCase() === login.toLowerCase());
  }

  accountById(id: number): AccountState {
    return present(this.accounts.get(id), `account ${id}`);
  }

  fullName(repository: RepositoryState): string {
    return `${this.accountById(repository.ownerId).login}/${repository.name}`;
  }

  /** By the name it has now. */
  repository(fullName: string): RepositoryState | undefined {
    const name = fullName.toLowerCase();
    return this.repositories.values().find((repository) => this.fullName(repository).toLowerCase() === name);
  }

  repositoryById(id: number): RepositoryState {
    return present(this.repositories.get(id), `repository ${id}`);
  }

  app(id: number): AppState {
    return present(this.apps.get(id), `App ${id}`);
  }

  installation(id: number): InstallationState {
    return present(this.installations.get(id), `installation ${id}`);
  }

  /** Repositories that an installation reaches. */
  reachable(installation: InstallationState): RepositoryState[] {
    return [...this.repositories.values()].filter(
      (repository) =>
        repository.ownerId === installation.accountId &&
        (installation.selection === 'all' || installation.repositoryIds.has(repository.id)),
    );
  }

  /** What a person may do with a repository, visibility included. */
  permission(userId: number, repository: RepositoryState): Permission | 'none' {
    if (repository.ownerId === userId) return 'admin';
    const role = this.accountById(repository.ownerId).members.get(userId);
    if (role === 'admin') return 'admin';
    const given = repository.collaborators.get(userId) ?? 'none';
    const everyone = !repository.private || role === 'member' ? 'read' : 'none';
    return (levels[given] as number) >= (levels[everyone] as number) ? given : everyone;
  }

  /** Whoever acts when a scenario names nobody: the owner, or the organisation's first admin. */
  somebody(account: AccountState): AccountState {
    if (account.type === 'User') return account;
    const admin = [...account.members].find(([, role]) => role === 'admin');
    return admin === undefined ? account : this.accountById(admin[0]);
  }
}

/** `write` is at least `read`, and so on. */
export function atLeast(has: string | undefined, needs: string): boolean {
  return (levels[has ?? 'none'] ?? 0) >= (levels[needs] ?? 0);
}

function present<Value>(value: Value | undefined, name: string): Value {
  if (value === undefined) throw new Error(`The double knows no ${name}.`);
  return value;
}
