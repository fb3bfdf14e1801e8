// Which tests there are and how each kind runs. `npm test` runs all of them.
import { defineConfig } from 'vitest/config';

const minute = 60_000;

export default defineConfig({
  test: {
    projects: [
      {
        // No kernel, no editor: plain code, the parts of other processes injected.
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          // Limits are there to end what hangs, on a busy machine too; they judge no speed.
          expect: { poll: { timeout: minute / 4 } },
          testTimeout: minute / 2,
        },
      },
      {
        // The real programs in the running kernel, as root, mostly in network namespaces of their own. One file at
        // a time: hooks at the root of the cgroup hierarchy see what the neighbour does.
        test: {
          name: 'kernel',
          include: ['test/kernel/**/*.test.ts'],
          expect: { poll: { timeout: minute / 4 } },
          fileParallelism: false,
          testTimeout: 2 * minute,
          hookTimeout: 2 * minute,
        },
      },
      {
        // What is shipped, as an editor unpacks it.
        test: {
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          testTimeout: minute,
          hookTimeout: minute,
        },
      },
      {
        // The webview in a real browser.
        test: {
          name: 'browser',
          include: ['test/editor/webview/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: minute,
          hookTimeout: minute,
        },
      },
      {
        // The whole product in a real editor, used as a person would: keyboard, input boxes, views.
        test: {
          name: 'end-to-end',
          include: ['test/editor/end-to-end/**/*.test.ts'],
          expect: { poll: { timeout: minute / 2 } },
          fileParallelism: false,
          testTimeout: 5 * minute,
          hookTimeout: 5 * minute,
        },
      },
    ],
  },
});
