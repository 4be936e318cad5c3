import { Status, type Tone } from '../../components/status';
import type { DeploymentStatus as State } from './deployment-queries';

const states: Record<State, Readonly<{ tone: Tone; word: string }>> = {
  queued: { tone: 'busy', word: 'Queued' },
  building: { tone: 'busy', word: 'Building' },
  releasing: { tone: 'busy', word: 'Releasing' },
  live: { tone: 'good', word: 'Live' },
  retired: { tone: 'quiet', word: 'Retired' },
  failed: { tone: 'bad', word: 'Failed' },
  superseded: { tone: 'quiet', word: 'Superseded' },
  skipped: { tone: 'quiet', word: 'Skipped' },
  cancelled: { tone: 'quiet', word: 'Cancelled' },
};

export const wordOf = (status: State): string => states[status].word;

export function DeploymentStatus({ status, isCancelRequested }: { status: State; isCancelRequested: boolean }) {
  const { tone, word } = states[status];
  return <Status tone={tone}>{isCancelRequested && tone === 'busy' ? 'Cancelling' : word}</Status>;
}
