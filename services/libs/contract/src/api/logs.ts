import { z } from 'zod';
import { Cursor, EnvironmentName, Id, Instant, limitOf } from './common';

/**
 * A line of output. `cursor` is its place: it grows in the order in which lines were stored, and is also the id of the
 * server-sent event, so that a stream that reconnects goes on where it ended.
 */
export const LogLine = z
  .strictObject({
    cursor: Cursor,
    atMs: z.number().meta({ description: 'Epoch milliseconds.' }),
    stream: z.string().meta({ description: 'stdout, stderr or system.' }),
    text: z.string(),
    function: z.string().nullable(),
    callId: z.string().nullable().meta({ description: 'The call that wrote it, where the runtime knows.' }),
    deploymentId: Id.nullable(),
    revisionId: Id.nullable(),
    replicaId: Id.nullable(),
  })
  .meta({ id: 'LogLine' });
export type LogLine = z.infer<typeof LogLine>;

/** What narrows a function's log. `from` is inclusive and `to` exclusive. */
export const logFilter = {
  from: Instant.optional(),
  to: Instant.optional(),
  text: z.string().min(1).max(200).optional().meta({ description: 'Found anywhere in the line, whatever its case.' }),
  callId: z.string().min(1).max(200).optional(),
  stream: z.enum(['stdout', 'stderr', 'system']).optional(),
  deployment: Id.optional(),
};

export const FunctionLogQuery = z.strictObject({
  environment: EnvironmentName,
  ...logFilter,
  limit: limitOf(1000, 200),
  cursor: Cursor.optional().meta({ description: 'Lines before this place; from the end when missing.' }),
});
export type FunctionLogQuery = z.infer<typeof FunctionLogQuery>;

/** A page of a function's log: oldest line first, and the last page that matches when no cursor was given. */
export const FunctionLogPage = z.strictObject({
  lines: z.array(LogLine),
  nextCursor: Cursor.nullable().meta({ description: 'Leads to the older lines before these.' }),
});

/** A stream goes on after this place: else after the `Last-Event-ID` header, else from the present. */
export const FunctionTailQuery = z.strictObject({
  environment: EnvironmentName,
  text: logFilter.text,
  callId: logFilter.callId,
  stream: logFilter.stream,
  deployment: logFilter.deployment,
  after: Cursor.optional(),
});

export const BuildLogQuery = z.strictObject({
  limit: limitOf(1000, 500),
  cursor: Cursor.optional().meta({ description: 'Lines after this place; from the beginning when missing.' }),
});
export const BuildLogPage = z.strictObject({
  lines: z.array(LogLine),
  nextCursor: Cursor.nullable().meta({ description: 'Leads to the later lines; null when there are none yet.' }),
});
export const BuildTailQuery = z.strictObject({ after: Cursor.optional() });
