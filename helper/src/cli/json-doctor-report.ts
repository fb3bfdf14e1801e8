// The report that `doctor --format json` writes.
import { z } from 'zod';
import type { DoctorReport } from '../../../src/shared/protocol';
import type { Exact } from './json-fields';

/** As a schema to check it against. */
export const doctorReport = z.strictObject({
  version: z.string(),
  kernel: z.string(),
  checks: z.array(
    z.strictObject({
      id: z.string(),
      title: z.string(),
      status: z.enum(['ok', 'warning', 'failed']),
      detail: z.string(),
      remedy: z.string().optional(),
    }),
  ),
}) satisfies z.ZodType<DoctorReportShape>;

type DoctorReportShape = Omit<DoctorReport, 'checks'> & { checks: Exact<DoctorReport['checks'][number]>[] };
