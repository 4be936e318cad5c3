import { processRoles } from '@wherry/db';
import { describeError } from '@wherry/logging';

/** Who asked for what: names, never a password. */
export type Target = Readonly<{ user: string; database: string }>;

const insufficientPrivilege = '42501';

/** What to do about each refusal. The texts are those of PostgreSQL; the codes alone do not say what was refused. */
const advice: readonly (readonly [RegExp, (target: Target) => string])[] = [
  [
    /permission denied to create role/,
    ({ user }) =>
      `The role ${quoted(user)} may not make the roles of the processes. ${asSuperuser(`alter role ${quoted(user)} createrole;`)}`,
  ],
  [
    /permission denied to alter role|must have admin option|permission denied to grant role/,
    ({ user }) => {
      const roles = Object.values(processRoles).join(', ');
      const commands = `alter role ${quoted(user)} createrole; grant ${roles} to ${quoted(user)} with admin option;`;
      return `The roles of the processes belong to another role than ${quoted(user)}. ${asSuperuser(commands)}`;
    },
  ],
  [
    /permission denied for (schema|database)|must be owner of/,
    ({ user, database }) =>
      `The role ${quoted(user)} does not own the database ${quoted(database)} and what is in it. ${asSuperuser(`alter database ${quoted(database)} owner to ${quoted(user)};`)}`,
  ],
];

/** One text for the operator: what failed and, where the owner lacks a right, the commands that give it. */
export function explainFailure(error: unknown, target: Target): string {
  const text = describeError(error);
  if (codeOf(error) !== insufficientPrivilege) return text;
  const known = advice.find(([pattern]) => pattern.test(text));
  return known === undefined ? text : `${known[1](target)} The server said: ${text}`;
}

/** The SQLSTATE or system code of an error, or of the first of its causes that has one. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : codeOf(error.cause);
}

function asSuperuser(commands: string): string {
  return `As a superuser of the server, run: ${commands}`;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
