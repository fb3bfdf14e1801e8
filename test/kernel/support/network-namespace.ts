// A single network namespace for a test.
import { run } from './namespaces';

export class NetworkNamespace {
  readonly name: string;

  constructor(name: string) {
    this.name = `pnm${String(process.pid)}${name}`;
    run('ip', 'netns', 'add', this.name);
    this.ip('link', 'set', 'lo', 'up');
  }

  /** Runs iproute2's `ip` in it. */
  ip(...args: string[]): string {
    return run('ip', '-netns', this.name, ...args);
  }

  /** Runs iproute2's `tc` in it. */
  tc(...args: string[]): string {
    return run('tc', '-netns', this.name, ...args);
  }

  dispose(): void {
    run('ip', 'netns', 'delete', this.name);
  }
}
