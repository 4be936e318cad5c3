const hourMs = 3_600_000;

/** The start of the hour that an instant is in. Usage is counted by whole hours of UTC. */
export function hourOf(at: Date): Date {
  return new Date(Math.floor(at.getTime() / hourMs) * hourMs);
}

/** The first full hour that is not before an instant. */
export function hourFrom(at: Date): Date {
  return new Date(Math.ceil(at.getTime() / hourMs) * hourMs);
}

export function hoursBefore(at: Date, count: number): Date {
  return new Date(at.getTime() - count * hourMs);
}
