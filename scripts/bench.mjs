// `npm run bench`: measures what docs/performance.md promises, on the real executable, the real addon and a real editor.
//   npm run bench [-- [sample] [inspection] [latency] [memory] [cpu] [throughput] [panel] [bundles] [activation] [--check]]
// Prints a table and writes test-results/bench.json. `--check` makes a missed bound a failure. Runs as root, through sudo
// where need be: it loads programs into the kernel and makes network namespaces.
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, release } from 'node:os';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import chalk from 'chalk';
import Table from 'cli-table3';
import { build } from './build.mjs';
import { inProject } from './lib/paths.mjs';
import { CommandFailed, Explained, isMain, main, run, step } from './lib/steps.mjs';
import { bundle } from './make/bundles.mjs';

const bundlesFolder = inProject('build', 'bench');
const resultFile = inProject('test-results', 'bench.json');
const inKernel = ['sample', 'inspection', 'latency', 'memory', 'cpu', 'throughput'];
const all = [...inKernel, 'panel', 'bundles', 'activation'];
const activations = 7;

/** Measurements are TypeScript, and use the helper's own sources. */
async function bundleMeasurements() {
  const { build: esbuild } = await import('esbuild');
  const common = { bundle: true, platform: 'node', logLevel: 'silent', absWorkingDir: inProject() };
  await esbuild({
    ...common,
    entryPoints: ['main', 'sampling-process', 'latency-process'].map((name) => `test/bench/${name}.ts`),
    outdir: bundlesFolder,
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    target: 'node24',
    mainFields: ['module', 'main'],
    // vscode-jsonrpc is CommonJS and asks for modules of Node.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  await esbuild({
    ...common,
    entryPoints: ['test/bench/editor/index.ts'],
    outfile: path.join(bundlesFolder, 'editor', 'index.js'),
    format: 'cjs',
    target: 'node20.18',
    external: ['vscode'],
  });
  await esbuild({
    ...common,
    entryPoints: ['test/bench/panel/index.ts'],
    outfile: path.join(bundlesFolder, 'panel', 'index.mjs'),
    format: 'esm',
    target: 'node24',
    external: ['playwright-core'],
  });
}

async function measureInKernel(names) {
  const file = path.join(bundlesFolder, 'result.json');
  await rm(file, { force: true });
  const environment = {
    PROCNETMON_PROJECT: inProject(),
    PROCNETMON_HELPER: inProject('dist', 'helper', 'procnetmon'),
    PROCNETMON_ADDON: inProject('dist', 'helper', 'procnetmon.node'),
  };
  const assignments = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const command = [
    'env',
    ...assignments,
    process.execPath,
    path.join(bundlesFolder, 'main.mjs'),
    file,
    ...names,
  ];
  const [program, ...args] = process.getuid() === 0 ? command : ['sudo', ...command];
  try {
    await run(program, args, { stdio: 'inherit' });
  } catch (error) {
    // One measurement that could not be taken, and said so, does not take the others along.
    if (!(error instanceof CommandFailed) || !existsSync(file)) throw error;
    process.exitCode = 1;
  }
  return JSON.parse(await readFile(file, 'utf8'));
}

/** A figure as test/bench/results.ts has it, with its verdict; here every bound is an upper one. */
function figure(measurement, what, value, unit, bound, note) {
  return {
    measurement,
    what,
    value,
    unit,
    ...(bound === undefined ? {} : { bound: { kind: 'at most', value: bound } }),
    ...(note === undefined ? {} : { note }),
    shown: value.toFixed(unit === 'kB' ? 0 : 1),
    verdict: bound === undefined ? 'reported' : value <= bound ? 'kept' : 'missed',
    load: loadavg()[0],
  };
}

async function measurePanel() {
  const output = await run('node', [path.join(bundlesFolder, 'panel', 'index.mjs')]);
  return JSON.parse(output.trim().split('\n').at(-1)).map(({ what, value, unit, bound, note }) =>
    figure('panel', what, value, unit, bound?.value, note),
  );
}

async function measureBundles() {
  const kilobytes = (metafile, pattern) =>
    Object.entries(metafile.outputs)
      .filter(([file]) => pattern.test(file))
      .reduce((sum, [, { bytes }]) => sum + bytes, 0) / 1000;
  const extension = await bundle('extension', { production: true, write: false });
  const webview = await bundle('webview', { production: true, write: false });
  return [
    figure(
      'bundles',
      'Extension, minified, read at activation',
      kilobytes(extension, /(^|\/)extension\.js$/),
      'kB',
      150,
    ),
    figure(
      'bundles',
      '… with the first start of the helper',
      kilobytes(extension, /(^|\/)(extension|language-client)\.js$/),
      'kB',
      500,
    ),
    figure(
      'bundles',
      '… for export, comparison and saved sessions',
      kilobytes(extension, /(^|\/)on-demand\.js$/),
      'kB',
      50,
      'read when one of them is asked for',
    ),
    figure('bundles', 'Webview, minified', kilobytes(webview, /\.(js|css)$/), 'kB', 150, 'script and style'),
  ];
}

async function measureActivation() {
  const output = await run('node', [inProject('test', 'bench', 'activation.mjs'), String(activations)]);
  const times = JSON.parse(output.trim().split('\n').at(-1)).sort((a, b) => a - b);
  const middle = times[Math.floor(times.length / 2)];
  const note = `median of ${times.length} extension hosts, ${times[0].toFixed(1)} to ${times.at(-1).toFixed(1)} ms`;
  return [figure('activation', 'Activation of the extension', middle, 'ms', 20, note)];
}

function print(figures) {
  const colours = { kept: chalk.green, missed: chalk.red, reported: chalk.dim };
  const table = new Table({ head: ['Measured', 'Budget', 'Figure', '', 'How'], wordWrap: true });
  const signs = { 'at most': '≤', 'at least': '≥' };
  for (const { what, bound, shown, unit, verdict, note = '' } of figures) {
    table.push([
      what,
      bound ? `${signs[bound.kind]} ${bound.value} ${unit}` : '',
      { content: `${shown} ${unit}`, hAlign: 'right' },
      colours[verdict](verdict),
      note,
    ]);
  }
  const text = table.toString();
  console.log(process.stdout.isTTY ? text : stripVTControlCharacters(text));
}

/** Measures what is named and resolves to the figures. */
export async function bench(names = all) {
  await build({ names: ['extension', 'webview', 'addon', 'helper'], production: true });
  await step('Bundle the measurements', async () => void (await bundleMeasurements()));
  const figures = [];
  const kernelNames = inKernel.filter((name) => names.includes(name));
  if (kernelNames.length > 0) figures.push(...(await measureInKernel(kernelNames)));
  if (names.includes('panel')) {
    await step('Draw the panel in a browser', async () => void figures.push(...(await measurePanel())));
  }
  if (names.includes('bundles')) figures.push(...(await measureBundles()));
  if (names.includes('activation')) {
    await step(
      'Activate the extension in an editor',
      async () => void figures.push(...(await measureActivation())),
    );
  }
  await mkdir(path.dirname(resultFile), { recursive: true });
  const machine = { kernel: release(), processor: cpus()[0]?.model ?? '', processors: cpus().length };
  const time = new Date().toISOString();
  await writeFile(resultFile, `${JSON.stringify({ time, machine, figures }, undefined, 2)}\n`);
  return figures;
}

if (isMain(import.meta.url)) {
  await main(async () => {
    const options = process.argv.slice(2);
    const names = options.filter((option) => option !== '--check');
    const unknown = names.find((name) => !all.includes(name));
    if (unknown !== undefined) {
      throw new Explained(
        `Unknown argument ${unknown}. There are --check and the measurements ${all.join(', ')}.`,
      );
    }
    const figures = await bench(names.length > 0 ? names : all);
    print(figures);
    const missed = figures.filter(({ verdict }) => verdict === 'missed');
    console.log(missed.length === 0 ? 'Every budget is kept.' : `Missed: ${missed.length} of the budgets.`);
    if (options.includes('--check') && missed.length > 0) process.exitCode = 1;
  });
}
