import { z } from 'zod';
import { LineSplitter } from './output';

/** What of buildctl's `rawjson` is read: the parts of a build (vertexes) and what their steps print. */
const Status = z.object({
  vertexes: z
    .array(
      z.object({
        digest: z.string(),
        name: z.string().default(''),
        started: z.string().optional(),
        completed: z.string().optional(),
        cached: z.boolean().optional(),
        error: z.string().optional(),
      }),
    )
    .nullish(),
  logs: z.array(z.object({ vertex: z.string(), stream: z.number().optional(), data: z.string().optional() })).nullish(),
  warnings: z.array(z.object({ short: z.string().optional() })).nullish(),
});

type Output = (stream: 'stdout' | 'stderr' | 'system', text: string) => void;
type Step = { name: string; isTold: boolean; lines: Record<'stdout' | 'stderr', LineSplitter> };

/**
 * A line of buildctl is one JSON object, made of one message of the daemon: gRPC lets it have 16 MiB at most. A line
 * that is longer than this is not of a build that anybody wants to read.
 */
const longestLine = 4 * 2 ** 20;
const keptText = 8_192;
const longestName = 160;

/**
 * Turns buildctl's progress into the lines of a log: each step's name once before what it prints, again when another
 * step printed in between, and nothing of the machinery. What is no progress (buildctl's last words) is kept in `rest`.
 */
export class BuildProgress {
  private readonly steps = new Map<string, Step>();
  private readonly warned = new Set<string>();
  private last = '';
  /** The errors of steps, without those that only say that another one failed. */
  readonly errors: string[] = [];
  /** What buildctl itself said at the end. */
  rest = '';

  constructor(private readonly output: Output) {}

  /** Takes a line that buildctl wrote. */
  push(line: string): void {
    const text = line.length <= longestLine ? line.trim() : '';
    if (text === '') return;
    const status = parse(text);
    if (status === null) this.rest = `${this.rest}${text}\n`.slice(-keptText);
    else this.take(status);
  }

  /** Tells what steps printed last without an end of line. */
  flush(): void {
    for (const { lines } of this.steps.values()) for (const splitter of Object.values(lines)) splitter.flush();
  }

  private take({ vertexes, logs, warnings }: z.infer<typeof Status>): void {
    for (const vertex of vertexes ?? []) {
      const step = this.step(vertex.digest, vertex.name);
      if (vertex.cached && vertex.completed !== undefined) this.tell(vertex.digest, step, ' (unchanged)');
      else if (vertex.started !== undefined) this.tell(vertex.digest, step, '');
      const { error = '' } = vertex;
      if (error !== '' && !/context canceled/.test(error) && !this.errors.includes(error)) this.errors.push(error);
    }
    for (const { vertex, stream, data } of logs ?? []) {
      const bytes = Buffer.from(data ?? '', 'base64');
      this.step(vertex, '').lines[stream === 1 ? 'stdout' : 'stderr'].push(bytes);
    }
    for (const { short = '' } of warnings ?? []) {
      const text = Buffer.from(short, 'base64').toString('utf8');
      if (text === '' || this.warned.has(text)) continue;
      this.warned.add(text);
      this.output('system', `Dockerfile: ${text}`);
    }
  }

  private step(digest: string, name: string): Step {
    const known = this.steps.get(digest);
    if (known) return known;
    const step: Step = {
      name: stepName(name),
      isTold: false,
      lines: {
        stdout: new LineSplitter((line) => this.print(digest, 'stdout', line)),
        stderr: new LineSplitter((line) => this.print(digest, 'stderr', line)),
      },
    };
    this.steps.set(digest, step);
    return step;
  }

  private tell(digest: string, step: Step, more: string): void {
    // "[internal] load metadata …", "exporting to image" and the like are the builder's own.
    if (step.isTold || !/^\[(?!internal|auth)/.test(step.name)) return;
    step.isTold = true;
    this.last = digest;
    this.output('system', `${step.name}${more}`);
  }

  private print(digest: string, stream: 'stdout' | 'stderr', line: string): void {
    const step = this.step(digest, '');
    if (this.last !== digest && step.name !== '') this.output('system', step.name);
    this.last = digest;
    this.output(stream, line);
  }
}

/** A step as it is read best: without its mounts, in one line that is not too long. */
function stepName(name: string): string {
  const text = name.replace(/--mount=\S+\s*/g, '').replace(/\s+/g, ' ');
  return text.length > longestName ? `${text.slice(0, longestName)}…` : text;
}

function parse(text: string): z.infer<typeof Status> | null {
  if (!text.startsWith('{')) return null;
  try {
    return Status.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
