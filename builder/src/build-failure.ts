/** A build that cannot succeed, for a reason its developer can act on: the message says what is wrong and what to do. */
export class BuildFailure extends Error {
  override readonly name = 'BuildFailure';
}
