import { Status } from '../../components/status';
import type { StreamState } from './use-event-stream';

/** Whether what is shown is live. */
export function StreamNote({ state, isPaused = false }: { state: StreamState; isPaused?: boolean }) {
  if (isPaused) return <Status tone="quiet">Paused</Status>;
  if (state === 'open') return <Status tone="good">Following</Status>;
  if (state === 'connecting') return <Status tone="busy">Connecting</Status>;
  if (state === 'lost') return <Status tone="bad">Interrupted, trying again</Status>;
  return null;
}
