import { closeSync, readdirSync, readFileSync } from 'node:fs';

/** O_CLOEXEC, as /proc/<pid>/fdinfo shows it in octal (proc(5)). */
const closeOnExec = 0o2000000;
const standardFiles = 3;

/**
 * Closes what the shell, terminal or service manager that started us left open beside the standard files. Everything
 * that the platform starts would inherit it, tenants' code included, and could write to what it belongs to; Node sees to the lowest ones only. Whatever
 * Node opens itself is not inherited, and is kept; `channel` is the number of its IPC channel, which looks inherited.
 */
export function closeInheritedFiles(channel: number | null): void {
  for (const name of readdirSync('/proc/self/fd')) {
    const file = Number(name);
    if (file < standardFiles || file === channel || !isInherited(file)) continue;
    closeSync(file);
  }
}

function isInherited(file: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${file}`, 'utf8'))?.[1] ?? '';
    return (Number.parseInt(flags, 8) & closeOnExec) === 0;
  } catch {
    // The one that listed the folder, which is closed by now.
    return false;
  }
}
