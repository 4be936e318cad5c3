import type { RepositorySettings } from './repository-queries';

/** One stack as it is typed: its patterns are lines. `key` tells rows apart while they come and go. */
export type RootDraft = Readonly<{ key: number; dir: string; paths: string }>;

/** The settings of a repository while they are edited. `leaseDays` is empty while nothing is typed. */
export type SettingsDraft = Omit<RepositorySettings, 'roots' | 'previews'> &
  Readonly<{
    roots: readonly RootDraft[];
    previews: Omit<RepositorySettings['previews'], 'leaseDays'> & Readonly<{ leaseDays: number | '' }>;
  }>;

export function draftOf(settings: RepositorySettings): SettingsDraft {
  const roots = settings.roots.map(({ dir, paths }, key) => ({ key, dir, paths: paths.join('\n') }));
  return { ...settings, roots };
}

/** What is sent. Lines without a pattern are left out; everything else is for the console to judge. */
export function settingsOf(draft: SettingsDraft): RepositorySettings {
  const roots = draft.roots.map(({ dir, paths }) => ({
    dir: dir.trim(),
    paths: paths
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== ''),
  }));
  // Nothing typed is no number of days, and refused as such.
  return { ...draft, roots, previews: { ...draft.previews, leaseDays: Number(draft.previews.leaseDays) } };
}

/** Another stack, below the others. */
export function withRoot(draft: SettingsDraft): SettingsDraft {
  const key = Math.max(-1, ...draft.roots.map((root) => root.key)) + 1;
  return { ...draft, roots: [...draft.roots, { key, dir: '', paths: '' }] };
}

export function withoutRoot(draft: SettingsDraft, key: number): SettingsDraft {
  return { ...draft, roots: draft.roots.filter((root) => root.key !== key) };
}

export function changeRoot(draft: SettingsDraft, key: number, change: Partial<RootDraft>): SettingsDraft {
  return { ...draft, roots: draft.roots.map((root) => (root.key === key ? { ...root, ...change } : root)) };
}
