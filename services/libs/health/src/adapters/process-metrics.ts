import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from '../metrics';

const nanoseconds = 1e9;

/** What every process tells of itself, under the names that Prometheus's own client libraries use. */
export function addProcessMetrics(metrics: Metrics): void {
  const startedAt = Date.now() / 1_000 - process.uptime();
  metrics.read({ name: 'process_start_time_seconds', help: 'Start time of the process since 1970.' }, () => startedAt);
  const cpuSeconds = (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  };
  metrics.read({ name: 'process_cpu_seconds_total', help: 'User and system CPU time spent.' }, cpuSeconds, 'counter');
  metrics.read({ name: 'process_resident_memory_bytes', help: 'Resident memory size.' }, () =>
    process.memoryUsage.rss(),
  );
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  const help = 'The longest time that the process was busy with one thing, since this was last asked for.';
  metrics.read({ name: 'process_event_loop_delay_max_seconds', help }, () => {
    const longest = delay.count === 0 ? 0 : delay.max / nanoseconds;
    delay.reset();
    return longest;
  });
}
