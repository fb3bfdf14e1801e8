// `procnetmon doctor`: loads the programs where the rights are there, takes them out again, and reports.
import { Chalk } from 'chalk';
import CliTable from 'cli-table3';
import type { DoctorCheck, DoctorReport } from '../../../src/shared/protocol';
import { formatQuantity } from '../../../src/shared/format';
import { sanitise } from '../../../src/shared/sanitise';
import { collectFacts } from '../host-facts';
import { diagnose, doctorStatus, usable, type Attempt } from '../doctor';
import type { KernelAddon } from '../kernel';
import { asError, StartupError } from '../errors';
import { giveUpRights, heldRightsCheck, readHeldRights } from '../rights';
import { identifyCaller } from '../caller';
import { loadAddon, openKernel } from '../startup';
import { noBorders } from './columns';
import { StreamOutput, wantsColours } from './output';
import type { Format } from './options';

/** Widest table that is still read with ease. */
const readableColumns = 120;
/** Columns of the mark, the title, and the blanks between. */
const fixedColumns = 3 + 38;

/** Resolves with 0 when programs can be watched here, with 1 when not. */
export async function runDoctor(options: {
  version: string;
  format: Format;
  colours: boolean;
}): Promise<number> {
  let addon: KernelAddon | undefined;
  let attempt: Attempt = { untried: true };
  try {
    addon = loadAddon();
  } catch (failure) {
    attempt = { failure };
  }
  const facts = collectFacts(addon);
  if (addon !== undefined && facts.capabilities?.effective.includes('cap_net_admin') === true) {
    attempt = tryKernel(addon);
  }
  const report = diagnose(options.version, facts, attempt);
  if (addon !== undefined && 'opened' in attempt) report.checks.push(await tryGivingUpRights(addon));

  const output = new StreamOutput(process.stdout);
  if (options.format === 'json') {
    output.write(`${JSON.stringify(report)}\n`);
  } else {
    const colours = wantsColours(output, process.env, options.colours);
    output.write(`${doctorTable(report, output.size().columns, colours).join('\n')}\n`);
  }
  await output.close();
  return doctorStatus(report);
}

function tryKernel(addon: KernelAddon): Attempt {
  try {
    const { kernel, limitations } = openKernel(addon);
    const { attachment, processEvents } = kernel;
    kernel.close();
    return { opened: { attachment, processEvents, limitations } };
  } catch (failure) {
    return { failure };
  }
}

/** As a helper does that counts. The doctor has read everything else by now. */
async function tryGivingUpRights(addon: KernelAddon): Promise<DoctorCheck> {
  try {
    const caller = identifyCaller(addon);
    await giveUpRights({ addon, caller, warn: () => undefined });
    return heldRightsCheck(readHeldRights(addon));
  } catch (error) {
    const remedy = error instanceof StartupError ? error.remedy : 'Report this with the text above.';
    return {
      id: 'held-rights',
      title: 'Rights while it counts',
      status: 'failed',
      detail: sanitise(asError(error).message, 1_024),
      remedy,
    };
  }
}

const marks = { ok: '✓', warning: '!', failed: '✗' } as const;

/** The report for people: one row a check, what to do beneath it. */
export function doctorTable(report: DoctorReport, columns: number, colours: boolean): string[] {
  const chalk = new Chalk({ level: colours ? 1 : 0 });
  const paint = { ok: chalk.green, warning: chalk.yellow, failed: chalk.red };
  const width = Math.min(columns, readableColumns);
  const narrow = width < 80;
  const text = (check: DoctorCheck): string =>
    check.remedy === undefined ? check.detail : `${check.detail}\n→ ${check.remedy}`;
  const table = new CliTable({
    chars: { ...noBorders, middle: ' ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
    colWidths: narrow ? [1, width - 2] : [1, fixedColumns - 3, width - fixedColumns],
    wordWrap: true,
  });
  for (const check of report.checks) {
    const mark = paint[check.status](marks[check.status]);
    const title = chalk.bold(check.title);
    table.push(narrow ? [mark, `${title}\n${text(check)}`] : [mark, title, text(check)]);
  }
  const warnings = report.checks.filter(({ status }) => status === 'warning').length;
  const failures = report.checks.filter(({ status }) => status === 'failed').length;
  const verdict = usable(report)
    ? chalk.green.bold(`Usable${warnings === 0 ? '.' : `, with ${formatQuantity(warnings, 'remark')}.`}`)
    : chalk.red.bold(`Not usable: ${formatQuantity(failures, 'check')} failed.`);
  const body = table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
  return [chalk.bold(`procnetmon ${report.version} on Linux ${report.kernel}`), ...body, verdict];
}
