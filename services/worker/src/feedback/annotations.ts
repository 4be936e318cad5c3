import type { ReportedDeployment, ReportedLine } from '@wherry/db';
import type { CheckAnnotation } from '@wherry/github';
import { plain } from './markdown';

const mostAnnotations = 50;
const mostMessage = 2_000;

/** `stack.yml, line 12: …` and `In stack.yml, functions.hello.limits …`: the words of the reader of stack files. */
const stackLine = /(?:^|[\s"(])(stack\.ya?ml), line (\d{1,7}):/;
const stackPlace = /\bIn (stack\.ya?ml), /;
/** Endings of files that have lines; without them a host and its port look like a file and a line. */
const endings =
  'c|cc|cjs|cpp|cs|css|cts|go|h|html|java|js|json|jsx|kt|mjs|mts|php|pl|py|rb|rs|scala|sh|sql|swift|toml|ts|tsx|ya?ml';
/** `handler.js:12`, `./src/main.go:3:7:`, `src/a.ts(4,2):` and Python's `File "handler.py", line 9`. */
const placeInLog = new RegExp(
  String.raw`(?:^|[\s"'(])(?:file://)?([\w@+./-]{1,300}\.(?:${endings}))(?::|\(|", line )(\d{1,7})\b`,
);
/** A place stands early in its line; the search takes longer than the line is long. */
const mostSearched = 1_000;
/** Where the files of a function are while it is built and while it runs. */
const insideFunction = /^(\/home\/app\/(function\/)?|\.\/)/;

/**
 * What is said of lines of the repository: of the stack file by the reason of the failure, and of files of functions by
 * the reasons and logs of those that failed, as far as they name a file and a line. Paths are those of the repository
 * when `handler` is known; a file of a package, or one that is not the developer's, is left out.
 */
export function annotationsOf(
  subject: Readonly<{ deployment: ReportedDeployment; lines: readonly ReportedLine[] }>,
): readonly CheckAnnotation[] {
  const { deployment, lines } = subject;
  const found = [ofStack(deployment), ...ofFunctions(deployment, lines)].filter((each) => each !== null);
  const unique = new Map(found.map((each) => [`${each.path}:${each.line}`, each]));
  return [...unique.values()].slice(0, mostAnnotations);
}

function ofStack({ rootDir, reason }: ReportedDeployment): CheckAnnotation | null {
  if (reason === null) return null;
  const withLine = stackLine.exec(reason);
  const file = withLine?.[1] ?? stackPlace.exec(reason)?.[1];
  if (file === undefined) return null;
  const line = Math.max(1, Number(withLine?.[2] ?? 1));
  return { path: within(rootDir, file), line, title: 'The stack cannot be read', message: plain(reason, mostMessage) };
}

function ofFunctions(deployment: ReportedDeployment, lines: readonly ReportedLine[]): (CheckAnnotation | null)[] {
  return deployment.functions.flatMap((each) => {
    if (each.handler === null) return [];
    const own = lines.filter(({ functionName }) => functionName === each.name).map(({ text }) => text);
    const crashed = deployment.reason?.includes(`"${each.name}"`) ? deployment.reason.split('\n') : [];
    const told = each.status === 'failed' ? [...(each.reason ?? '').split('\n'), ...own] : crashed;
    return told.map((text) => inFunction(deployment.rootDir, each.name, each.handler ?? '.', text));
  });
}

function inFunction(rootDir: string, name: string, handler: string, text: string): CheckAnnotation | null {
  const match = placeInLog.exec(text.slice(0, mostSearched));
  if (!match?.[1] || Number(match[2]) < 1) return null;
  const file = match[1].replace(insideFunction, '');
  // What is left of a path from the root is a file of the system or of a tool.
  if (file.split('/').some((part) => ['', '.', '..', 'node_modules', 'site-packages'].includes(part))) return null;
  const title = plain(`Function "${name}"`, 200);
  const path = within(rootDir, within(handler, file));
  return { path, line: Number(match[2]), title, message: plain(text, mostMessage) };
}

/** Folders are relative, may be `.` or begin with `./`, and hold no `..`. */
function within(folder: string, path: string): string {
  const clean = folder.replace(/^(\.\/)+/, '').replace(/\/+$/, '');
  return clean === '.' || clean === '' ? path : `${clean}/${path}`;
}
