import type { EgressRule } from '@wherry/domain';
import { cpuBounds, cpuMillicores, memoryBounds, memoryMiB } from './quantity';
import { durationMs } from './duration';
import type { PlannedFunction } from './planned-function';
import { quoted } from './stack-error';
import { at, refuse, type Place } from './yaml-reader';

type Config = PlannedFunction['config'];
type Resources = Readonly<{ memory?: string; cpu?: string }>;

export type ConfigInput = Readonly<{
  lang: string;
  environment: Readonly<Record<string, string>>;
  secrets?: readonly string[];
  limits?: Resources;
  requests?: Resources;
  labels?: Readonly<Record<string, string>>;
  annotations?: Readonly<Record<string, string>>;
  readOnlyRootFilesystem?: boolean;
  egress?: readonly EgressRule[] | undefined;
  callers?: readonly string[];
  /** Of the function, for messages. */
  place: Place;
}>;

/** Longest call: without `exec_timeout`, and at most, in milliseconds. */
const timeouts = { defaultMs: 60_000, mostMs: 300_000 } as const;
/** Most replicas of one function, and how long one may idle before it is stopped, in seconds. */
const scaling = { most: 20, idleSeconds: 300, mostIdleSeconds: 86_400 } as const;

/**
 * Derives what runs from what is written: MiB, millicores, scale and timeout, with their defaults and bounds.
 * @throws StackError naming the value that is out of bounds.
 */
export function configOf(input: ConfigInput): Config {
  checkEnvironment(input.environment, at(input.place, 'environment'));
  const labels = input.labels ?? {};
  return {
    lang: input.lang,
    environment: input.environment,
    secrets: input.secrets ?? [],
    ...resourcesOf(input.limits ?? {}, input.requests ?? {}, input.place),
    limits: input.limits ?? {},
    requests: input.requests ?? {},
    labels,
    annotations: input.annotations ?? {},
    readOnlyRootFilesystem: input.readOnlyRootFilesystem ?? false,
    scale: scaleOf(labels, at(input.place, 'labels')),
    ...(input.egress && { egress: input.egress }),
    ...(input.callers?.length && { callers: input.callers }),
    timeoutMs: timeoutOf(input.environment, at(input.place, 'environment.exec_timeout')),
  };
}

function checkEnvironment(environment: Readonly<Record<string, string>>, place: Place): void {
  for (const [name, value] of Object.entries(environment)) {
    if (!/^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/.test(name))
      refuse(place, `has the name ${quoted(name)}, which no process can have.`);
    if (name.startsWith('WHERRY_'))
      refuse(at(place, name), 'is reserved: names starting with WHERRY_ belong to the platform.');
    if (value.includes('\0')) refuse(at(place, name), 'has a zero byte, which no environment can hold.');
  }
}

function resourcesOf(
  limits: Resources,
  requests: Resources,
  place: Place,
): { memoryMiB: number; cpuMillicores: number } {
  const memory = {
    least: memoryBounds.leastMiB,
    most: memoryBounds.mostMiB,
    parse: memoryMiB,
    unit: 'Mi',
    example: '128Mi',
  };
  const cpu = {
    least: cpuBounds.leastMillicores,
    most: cpuBounds.mostMillicores,
    parse: cpuMillicores,
    unit: 'm',
    example: '250m',
  };
  const of = (key: 'memory' | 'cpu', bounds: Bounds, fallback: number): number => {
    const limit = amount(limits[key], bounds, at(at(place, 'limits'), key));
    const request = amount(requests[key], bounds, at(at(place, 'requests'), key));
    if (limit !== null && request !== null && request > limit) {
      refuse(at(at(place, 'requests'), key), `asks for more than limits.${key} allows. Lower it or raise the limit.`);
    }
    return limit ?? request ?? fallback;
  };
  return {
    memoryMiB: of('memory', memory, memoryBounds.defaultMiB),
    cpuMillicores: of('cpu', cpu, cpuBounds.defaultMillicores),
  };
}

type Bounds = Readonly<{
  least: number;
  most: number;
  parse: (text: string) => number | null;
  unit: string;
  example: string;
}>;

function amount(text: string | undefined, bounds: Bounds, place: Place): number | null {
  if (text === undefined) return null;
  const value = bounds.parse(text);
  if (value === null) refuse(place, `is ${quoted(text)}, which is no quantity. Write it as in "${bounds.example}".`);
  if (value < bounds.least || value > bounds.most) {
    refuse(place, `is ${quoted(text)}; it must be from ${bounds.least}${bounds.unit} to ${bounds.most}${bounds.unit}.`);
  }
  return value;
}

const scaleLabel = 'com.openfaas.scale.';

/**
 * Without labels a function has 0 to 1 replicas and is stopped after 300 idle seconds. `zero: "false"` keeps at least
 * one; `zero: "true"` stops the last one in spite of `min`, as in OpenFaaS.
 */
function scaleOf(labels: Readonly<Record<string, string>>, place: Place): Config['scale'] {
  const zero = flag(labels[`${scaleLabel}zero`], at(place, `${scaleLabel}zero`));
  const min = count(labels[`${scaleLabel}min`], at(place, `${scaleLabel}min`)) ?? (zero === false ? 1 : 0);
  const max = count(labels[`${scaleLabel}max`], at(place, `${scaleLabel}max`)) ?? Math.max(1, min);
  if (max < 1) refuse(at(place, `${scaleLabel}max`), 'must be at least 1.');
  if (min > max) refuse(at(place, `${scaleLabel}min`), `is ${min}, more than the greatest number of replicas, ${max}.`);
  if (zero === false && min < 1)
    refuse(at(place, `${scaleLabel}min`), `is 0, but ${scaleLabel}zero is false. Remove one of them.`);
  const idle = labels[`${scaleLabel}zero-duration`];
  const idleMs = idle === undefined ? scaling.idleSeconds * 1_000 : durationMs(idle);
  if (idleMs === null || idleMs < 1_000 || idleMs > scaling.mostIdleSeconds * 1_000) {
    refuse(at(place, `${scaleLabel}zero-duration`), 'must be a duration from 1s to 24h, such as "15m".');
  }
  return { min: zero === true ? 0 : min, max, idleSeconds: Math.ceil(idleMs / 1_000) };
}

export function flag(text: string | undefined, place: Place): boolean | null {
  if (text === undefined) return null;
  if (text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0') return false;
  return refuse(place, `is ${quoted(text)}; it must be true or false.`);
}

function count(text: string | undefined, place: Place): number | null {
  if (text === undefined) return null;
  if (!/^\d{1,4}$/.test(text) || Number(text) > scaling.most) {
    refuse(place, `is ${quoted(text)}; it must be a whole number from 0 to ${scaling.most}.`);
  }
  return Number(text);
}

/** `exec_timeout` as the watchdogs read it; 0 means none there, and the longest allowed here. */
function timeoutOf(environment: Readonly<Record<string, string>>, place: Place): number {
  const text = environment.exec_timeout;
  if (text === undefined) return timeouts.defaultMs;
  const value = durationMs(text);
  if (value === null) refuse(place, `is ${quoted(text)}, which is no duration. Write it as in "30s" or "2m".`);
  if (value > timeouts.mostMs)
    refuse(place, `is ${quoted(text)}; the longest call allowed is ${timeouts.mostMs / 1_000}s.`);
  return value === 0 ? timeouts.mostMs : Math.max(1, Math.ceil(value));
}
