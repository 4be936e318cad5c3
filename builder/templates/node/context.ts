type HeaderValues = Record<string, string | string[]>;

/** What a handler answers with: the first of succeed, fail, the callback or a returned value counts. */
export class Context {
  private statusCode: unknown = 200;
  private values: HeaderValues = {};
  isDone = false;
  result: unknown;

  /** @param done called once, when there is an answer. */
  constructor(private readonly done: () => void) {}

  /** Sets the status, or tells it when called without one. */
  status(code?: unknown): unknown {
    if (code === undefined) return this.statusCode;
    this.statusCode = code;
    return this;
  }

  /** Sets the headers, or tells them when called without any. */
  headers(values?: HeaderValues): HeaderValues | this {
    if (values === undefined) return this.values;
    this.values = values;
    return this;
  }

  succeed(value?: unknown): this {
    if (this.isDone) return this;
    this.isDone = true;
    this.result = value;
    this.done();
    return this;
  }

  /** Answers with a failure: status 500 unless another one was set, and the error's text. */
  fail(value?: unknown): this {
    if (this.isDone) return this;
    if (this.statusCode === 200) this.statusCode = 500;
    return this.succeed(value instanceof Error ? String(value) : value);
  }

  /** Nobody waits for an answer any more. */
  abandon(): void {
    this.isDone = true;
  }
}
