import type { PlannedFunction } from './planned-function';
import { quoted } from './stack-error';
import { at, refuse, texts, type Place, type Value } from './yaml-reader';

const mostCallers = 32;

/**
 * The names of the functions that may connect to this one, sorted, so that another order is no other configuration.
 * Whether they are functions of the stack is told by `withCalls`, once all of it is read.
 * @throws StackError for what is no list of names, each once, and with `elsewhere` where nothing could be called.
 */
export function callersOf(value: Value | undefined, place: Place, elsewhere: string | undefined): string[] {
  const callers = texts(value, place, mostCallers);
  if (callers.length > 0 && elsewhere !== undefined) refuse(place, elsewhere);
  for (const [index, name] of callers.entries()) {
    if (callers.indexOf(name) !== index) refuse(at(place, String(index)), `lists ${quoted(name)} again. Remove it.`);
  }
  return callers.toSorted();
}

/**
 * Gives each function the names of those that it may call: the lists of callers, read from the other side.
 * @throws StackError for callers that are not there or cannot call, and for functions that cannot be called.
 */
export function withCalls(functions: readonly PlannedFunction[], place: Place): PlannedFunction[] {
  const byName = new Map(functions.map((each) => [each.name, each]));
  for (const callee of functions) {
    const own = at(at(place, callee.name), 'callers');
    for (const name of callee.config.callers ?? []) checkCaller(callee, name, byName.get(name), own);
    if (callee.config.callers && callee.config.scale.min < 1) refuse(own, asleep);
  }
  return functions.map((caller) => {
    const calls = functions.filter(({ config }) => config.callers?.includes(caller.name)).map(({ name }) => name);
    return calls.length === 0 ? caller : { ...caller, config: { ...caller.config, calls: calls.toSorted() } };
  });
}

const asleep =
  'needs a function that never sleeps: nothing but the gateway wakes one. Keep a replica with the label com.openfaas.scale.min: 1, or remove callers and call it at its public address.';

function checkCaller(callee: PlannedFunction, name: string, caller: PlannedFunction | undefined, place: Place): void {
  const is = `names ${quoted(name)}`;
  if (name === callee.name) refuse(place, `${is}, the function itself, which needs no permission. Remove it.`);
  if (caller === undefined) refuse(place, `${is}, which is no function of this file. Name functions that are.`);
  // It could not look up the address: questions to DNS can carry data out, and it may connect nowhere.
  if (caller.config.egress?.length === 0) {
    refuse(place, `${is}, whose egress is []: it may connect nowhere. Give it a list of ranges, or remove it here.`);
  }
}
