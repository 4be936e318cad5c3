export * from './admission';
export * from './builds-daemon';
export * from './builds-namespace';
export * from './builds-settings';
export * from './functions-namespace';
export * from './network-policies';
export * from './settings';
