import type { Fault } from '../scenario';
import { generator } from '../world/random';

export type FaultState = Fault & { id: number; left: number };

/** The faults that a scenario asked for; the first that fits takes effect, as often as it says. */
export class Faults {
  private faults: FaultState[] = [];
  private lastId = 0;
  private readonly random = generator(1);

  add(fault: Fault): number {
    this.lastId += 1;
    this.faults.push({ ...fault, id: this.lastId, left: fault.times ?? Infinity });
    return this.lastId;
  }

  clear(id?: number): void {
    this.faults = this.faults.filter((fault) => id !== undefined && fault.id !== id);
  }

  clearHolding(): void {
    this.faults = this.faults.filter((fault) => fault.hold !== true);
  }

  /** @param path without the API's prefix, with its query. */
  ofCall(method: string, path: string): FaultState | undefined {
    return this.take(({ match }) => {
      if (!('path' in match)) return false;
      return (match.method ?? method).toUpperCase() === method && new RegExp(match.path).test(path);
    });
  }

  ofDelivery(event: string, action: string | null): FaultState | undefined {
    return this.take(({ match }) => {
      if (!('event' in match)) return false;
      return (match.event === '*' || match.event === event) && (match.action ?? action) === action;
    });
  }

  private take(fits: (fault: FaultState) => boolean): FaultState | undefined {
    const found = this.faults.find(
      (fault) => fault.left > 0 && fits(fault) && (fault.share === undefined || this.random() < fault.share),
    );
    if (found !== undefined) found.left -= 1;
    return found;
  }
}
