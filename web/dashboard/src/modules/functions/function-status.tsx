import { Status, type Tone } from '../../components/status';
import type { WherryFunction } from './function-queries';

const states: Record<WherryFunction['status'], Readonly<{ tone: Tone; word: string; meaning: string }>> = {
  live: { tone: 'good', word: 'Live', meaning: 'At least one replica answers.' },
  asleep: { tone: 'quiet', word: 'Asleep', meaning: 'No replica runs; the next call wakes it.' },
  starting: { tone: 'busy', word: 'Starting', meaning: 'The first replica is on its way.' },
  crashing: { tone: 'bad', word: 'Crashing', meaning: 'Its replicas end as soon as they start.' },
  deploying: { tone: 'busy', word: 'Deploying', meaning: 'Its first release is under way.' },
  failed: { tone: 'bad', word: 'Failed', meaning: 'It has never served, and no release is under way.' },
};

export function FunctionStatus({ status }: { status: WherryFunction['status'] }) {
  const { tone, word, meaning } = states[status];
  return (
    <span title={meaning}>
      <Status tone={tone}>{word}</Status>
    </span>
  );
}
