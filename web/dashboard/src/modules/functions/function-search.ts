import type { LogSearch } from '../logs/log-search';
import type { UsageRange } from '../usage/usage-hours';

export const functionTabs = ['try', 'logs', 'usage', 'revisions', 'settings'] as const;
export type FunctionTab = (typeof functionTabs)[number];

/** What the address of a function's page tells: the environment, the tab, and what is looked at in it. */
export type FunctionSearch = LogSearch & Readonly<{ environment?: string; tab?: FunctionTab; usage?: UsageRange }>;
