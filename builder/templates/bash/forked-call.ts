import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { durationSeconds, internalHeader, reply } from '../../watchdog/call-server';
import { callTimeoutMs } from '../../watchdog/limits';
import { callIdOf, MarkedLines, markOf } from '../../watchdog/marks';
import { cgiEnvironment } from './cgi-environment';
import type { ForkRules } from './fork-rules';

/** How long children of a program may hold its output open after it has ended. */
const lingerMs = 1000;

/**
 * One request and the program that answers it: the body is its standard input, its standard output the reply, its exit
 * code the status. It runs in a process group of its own, and the whole group ends with the call.
 */
export class ForkedCall {
  private static readonly running = new Set<ForkedCall>();
  private readonly startedAt = performance.now();
  private readonly lines: MarkedLines;
  private readonly child: ChildProcessWithoutNullStreams;
  private held: Buffer[] = [];
  private sentBytes = 0;
  private isFlowing = false;
  private isOver = false;
  private readonly timers = new Set<NodeJS.Timeout>();

  constructor(
    private readonly rules: ForkRules,
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
  ) {
    this.lines = new MarkedLines(process.stderr, markOf(callIdOf(request), 'stderr'));
    this.log('Forking fprocess.');
    this.child = spawn(rules.program, rules.args, {
      cwd: rules.cwd,
      env: { ...rules.env, ...(rules.hasCgi ? cgiEnvironment(request) : {}) },
      detached: true,
    });
    ForkedCall.running.add(this);
    // Without file descriptors to spare there are no pipes; 'error' tells it.
    if ((this.child.stdin as unknown) !== undefined) this.connect();
    this.child.once('error', (error) => this.notStarted(error));
    this.child.once('exit', () => this.after(lingerMs, () => this.closeOutput()));
    this.child.once('close', (code, signal) => this.ended(code, signal));
    response.once('close', () => this.callerGone());
    const timeoutMs = callTimeoutMs(rules.limits, request.headers['x-timeout']);
    if (timeoutMs > 0) this.after(timeoutMs, () => this.timedOut(timeoutMs));
  }

  /** Nothing that a call has started outlives the server. */
  static killAll(): void {
    for (const call of this.running) call.killGroup();
  }

  private connect(): void {
    const { stdin, stdout, stderr } = this.child;
    this.request.pipe(stdin);
    // A program need not read its input. The rest is dropped, so that the connection stays usable.
    stdin.on('error', () => {});
    stdin.once('close', () => this.request.unpipe(stdin).resume());
    this.take(stdout, { isReply: true, isLogged: this.rules.isDebug });
    this.take(stderr, { isReply: this.rules.isCombined, isLogged: true });
  }

  private take(stream: Readable, { isReply, isLogged }: Readonly<{ isReply: boolean; isLogged: boolean }>): void {
    stream.on('error', () => {});
    stream.on('data', (chunk: Buffer) => {
      if (isLogged) this.lines.push(chunk);
      if (isReply && !this.isOver) this.write(chunk, stream);
    });
  }

  private write(chunk: Buffer, from: Readable): void {
    const isFirst = this.sentBytes === 0;
    this.sentBytes += chunk.length;
    if (this.isFlowing) {
      if (this.response.write(chunk)) return;
      from.pause();
      this.response.once('drain', () => from.resume());
      return;
    }
    this.held.push(chunk);
    const { bytes, ms } = this.rules.hold;
    if (this.sentBytes > bytes || wantsStream(this.request)) this.flow();
    else if (isFirst && ms !== null) this.after(ms, () => this.flow());
  }

  /** Sends what was held back; from now on output is sent as it comes, and the status is decided. */
  private flow(): void {
    if (this.isFlowing || this.isOver) return;
    this.isFlowing = true;
    this.response.writeHead(200, this.headers());
    this.response.write(Buffer.concat(this.held));
    this.held = [];
  }

  private headers(): Record<string, string> {
    const type = this.rules.contentType ?? this.request.headers['content-type'] ?? 'text/plain';
    return { 'content-type': type, 'x-duration-seconds': durationSeconds(this.startedAt) };
  }

  private ended(code: number | null, signal: NodeJS.Signals | null): void {
    this.lines.end();
    this.killGroup(); // What it left behind with its output closed.
    if (this.isOver) return this.forget();
    this.finish();
    const seconds = durationSeconds(this.startedAt);
    if (code === 0) this.log(`Wrote ${this.sentBytes} Bytes - Duration: ${seconds}s`);
    else this.log(`The program failed: ${endText(code, signal)} - Duration: ${seconds}s`);
    if (code === 0 && this.isFlowing) this.response.end();
    else if (code === 0) {
      const body = Buffer.concat(this.held);
      this.response.writeHead(200, { ...this.headers(), 'content-length': body.length }).end(body);
    } else if (this.isFlowing) {
      // The status has been sent: only a cut connection can tell the caller that the reply is not whole.
      this.response.destroy();
    } else this.failed(endText(code, signal));
  }

  private failed(text: string): void {
    const body = Buffer.concat([Buffer.from(`${text}\n`), ...this.held]);
    const headers = { ...this.headers(), 'content-type': 'text/plain', 'content-length': body.length };
    this.response.writeHead(500, headers).end(body);
  }

  private notStarted(error: Error): void {
    if (this.isOver) return;
    this.finish();
    this.forget();
    this.log(`fprocess cannot be started: ${error.message}`);
    this.refuse(500, 'The program of the function cannot be started. Its log tells why.');
  }

  private timedOut(timeoutMs: number): void {
    if (this.isOver) return;
    this.finish();
    this.log(`Killed process: it did not end within ${timeoutMs} ms (exec_timeout).`);
    this.killGroup();
    this.refuse(408, 'Killed process.');
  }

  private callerGone(): void {
    if (this.isOver) return;
    this.finish();
    this.log('Killed process: its caller left, or its time was over.');
    this.killGroup();
  }

  private refuse(status: number, text: string): void {
    if (this.isFlowing) this.response.destroy();
    else {
      this.response.setHeader('x-duration-seconds', durationSeconds(this.startedAt));
      reply(this.response, status, text, { [internalHeader]: 'of-watchdog' });
    }
  }

  /** The reply is decided. */
  private finish(): void {
    this.isOver = true;
    if (this.child.exitCode !== null || this.child.signalCode !== null) this.forget();
  }

  private forget(): void {
    ForkedCall.running.delete(this);
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
  }

  private after(ms: number, act: () => void): void {
    this.timers.add(setTimeout(act, ms));
  }

  /** The program has ended. What it left behind ends too, unless a slow caller still reads its output. */
  private closeOutput(): void {
    this.killGroup();
    const { stdout, stderr } = this.child;
    if (!this.isOver && (stdout.isPaused() || stderr.isPaused())) {
      this.after(lingerMs, () => this.closeOutput());
      return;
    }
    stdout.destroy();
    stderr.destroy();
  }

  private killGroup(): void {
    if (this.child.pid === undefined) return;
    try {
      process.kill(-this.child.pid, 'SIGKILL');
    } catch {
      // The whole group has ended.
    }
  }

  private log(text: string): void {
    const time = new Date().toISOString().slice(0, 19).replaceAll('-', '/').replace('T', ' ');
    this.lines.end();
    this.lines.push(Buffer.from(`${time} ${text}\n`));
  }
}

/** As the gateway of OpenFaaS decides it: the caller asks for events or lines as they come. */
function wantsStream(request: IncomingMessage): boolean {
  return /text\/event-stream|application\/x-ndjson/i.test(request.headers.accept ?? '');
}

function endText(code: number | null, signal: NodeJS.Signals | null): string {
  return code === null ? `signal: ${signal}` : `exit status ${code}`;
}
