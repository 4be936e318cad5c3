/** A build that cannot succeed, for a reason its developer can act on: the message says what is wrong and what to do. */
export class BuildFailure extends Error {
  override readonly name = 'BuildFailure';
}

const noRoom = 'The platform has no room left on its disk. Ask the operator to make room, then push again.';

/** The failure that a full disk is told as, or null when `fault` (an error, or a tool's own words) is another one. */
export function asNoRoom(fault: unknown): BuildFailure | null {
  const isFull =
    typeof fault === 'string'
      ? /No space left on device|Disk quota exceeded/.test(fault)
      : ['ENOSPC', 'EDQUOT'].includes(String((fault as NodeJS.ErrnoException | null)?.code));
  return isFull ? new BuildFailure(noRoom) : null;
}
