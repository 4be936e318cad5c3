import type { RevisionConfig } from '@wherry/domain';

/** One function of a stack, checked, with everything that its template does not decide. */
export type PlannedFunction = Readonly<{
  name: string;
  /** Folder relative to the root of the stack, with `/` and without `.` or `..` parts; `.` is the root itself. */
  handler: string;
  /** The command as written, split on single spaces when it is run; null leaves it to the template. */
  fprocess: string | null;
  buildArgs: Readonly<Record<string, string>>;
  /** As build arguments, but kept out of images, their history and the function's input hash. */
  buildSecrets: Readonly<Record<string, string>>;
  /** All of the revision but its start command, which the template gives. */
  config: Omit<RevisionConfig, 'start'>;
}>;

export type StackPlan = Readonly<{
  functions: readonly PlannedFunction[];
  /** Sentences the developer should read, such as keys that have no effect here. */
  notes: readonly string[];
}>;
