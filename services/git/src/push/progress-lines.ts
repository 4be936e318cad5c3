import type { PushProgress, SeenFunction } from '@wherry/db';
import { functionPath, isFinished, type DeploymentStatus } from '@wherry/domain';

/** What the lines are made with, besides the progress itself. */
export type ProgressContext = Readonly<{
  consoleUrl: string;
  /** `http://<tenant>.<apps domain>:<port>`, without a slash at the end. */
  appsUrl: string;
  commitSha: string;
  branch: string;
}>;

const maxLineLength = 1000;
const maxLogLines = 3000;

/**
 * Turns what is read of a deployment, again and again, into lines that have not been told yet.
 * Holds only what it has told; reading the same progress twice tells nothing twice.
 */
export class ProgressLines {
  private deploymentId: string | null = null;
  private status: DeploymentStatus | null = null;
  private readonly functions = new Map<string, string>();
  private noteCount = 0;
  private logCount = 0;

  constructor(private readonly context: ProgressContext) {}

  /** Where a person can look on, once it is known. */
  get url(): string {
    const { consoleUrl } = this.context;
    return this.deploymentId === null ? `${consoleUrl}/deployments` : `${consoleUrl}/deployments/${this.deploymentId}`;
  }

  /** The new lines, without their ends, safe for any terminal. */
  next(progress: PushProgress): { lines: string[]; isDone: boolean } {
    const { deployment } = progress;
    if (deployment === null) {
      const isDone = progress.currentSha !== this.context.commitSha;
      return { lines: isDone ? ['Superseded by a newer push to this branch.'] : [], isDone };
    }
    const lines: string[] = [];
    if (this.deploymentId === null) {
      this.deploymentId = deployment.id;
      lines.push(`Deploying ${this.context.branch} at ${this.context.commitSha.slice(0, 7)}: ${this.url}`);
    }
    const notes = notesOf(deployment.notes);
    lines.push(...notes.slice(this.noteCount).map((note) => `Note: ${note}`));
    this.noteCount = Math.max(this.noteCount, notes.length);
    const status = (): string[] => this.statusLines(deployment.status, deployment.reason, progress.functions);
    const isNew = !isFinished(deployment.status) && deployment.status !== this.status;
    this.status = deployment.status;
    const work = [...this.logLines(progress), ...this.functionLines(progress.functions)];
    // The work read along with `releasing` was done before it.
    lines.push(...(isNew && deployment.status !== 'releasing' ? [...status(), ...work] : work));
    if (isNew && deployment.status === 'releasing') lines.push(...status());
    const isDone = isFinished(deployment.status) && !progress.logs.isMore;
    if (isDone) lines.push(...status());
    return { lines: lines.flatMap(safeLines), isDone };
  }

  private logLines(progress: PushProgress): string[] {
    const lines: string[] = [];
    for (const [, , functionName, text] of progress.logs.lines) {
      this.logCount += 1;
      if (this.logCount < maxLogLines) lines.push(...safeLines(text).map((line) => `${prefixOf(functionName)}${line}`));
      if (this.logCount === maxLogLines) lines.push(`… more output is at ${this.url}`);
    }
    return lines;
  }

  private functionLines(functions: readonly SeenFunction[]): string[] {
    const lines: string[] = [];
    for (const one of functions) {
      if (this.functions.get(one.name) === one.status) continue;
      this.functions.set(one.name, one.status);
      const text = functionText(one);
      if (text !== null) lines.push(`${one.name}: ${text}`);
    }
    return lines;
  }

  private statusLines(status: DeploymentStatus, reason: string | null, functions: readonly SeenFunction[]): string[] {
    switch (status) {
      case 'queued':
        return ['Waiting for the build to start.'];
      case 'building':
        return ['Building.'];
      case 'releasing':
        return ['Starting the new version.'];
      case 'live':
        if (functions.length === 0) return ['Live: no function is left, and those of earlier deployments are removed.'];
        return ['Live:', ...functions.map(({ name }) => `  ${this.liveUrl(name)}`)];
      case 'retired':
        return ['This commit was live; a later deployment has taken its place.'];
      case 'failed':
        return [`Failed: ${reason ?? 'no reason was given.'}`, `What served before still serves. Look at ${this.url}`];
      case 'superseded':
      case 'skipped':
      case 'cancelled':
        return [`${status[0]?.toUpperCase()}${status.slice(1)}: ${reason ?? 'no reason was given.'}`];
    }
  }

  private liveUrl(name: string): string {
    return `${this.context.appsUrl}${functionPath(name)}`;
  }
}

function functionText({ status, reason, buildMs }: SeenFunction): string | null {
  switch (status) {
    case 'queued':
      return null;
    case 'building':
      return 'building.';
    case 'built':
      return buildMs === null ? 'built.' : `built in ${(buildMs / 1000).toFixed(1)} s.`;
    case 'reused':
      return 'unchanged, not built again.';
    case 'failed':
      return `failed: ${reason ?? 'no reason was given.'}`;
  }
}

function prefixOf(functionName: string): string {
  return functionName === '' ? '  ' : `  ${functionName} | `;
}

/** Notes are stored as a list of sentences, or of objects with a `text`. */
function notesOf(stored: unknown): string[] {
  if (!Array.isArray(stored)) return [];
  return stored.flatMap((note: unknown) => {
    if (typeof note === 'string') return [note];
    const text: unknown = typeof note === 'object' && note !== null && 'text' in note ? note.text : null;
    return typeof text === 'string' ? [text] : [];
  });
}

/**
 * Text from a build, cut into lines that no terminal obeys: control characters (C0 but the tab, DEL, C1) and those that
 * turn the direction of writing become `�`. A carriage return starts a new line.
 */
export function safeLines(text: string): string[] {
  const lines = text.replace(/[\r\n]+$/, '').split(/\r\n|\r|\n/);
  return lines.map((line) => {
    const cut = line.length > maxLineLength ? `${line.slice(0, maxLineLength)}…` : line;

    return cut.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, '\ufffd');
  });
}
