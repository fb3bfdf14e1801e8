// The published schema says what the code writes.
import { format } from 'prettier';
import { describe, expect, it } from 'vitest';
import { outputSchema } from '../../../helper/src/cli/json-lines';

describe('docs/json-output.schema.json', () => {
  it('is what the code defines (vitest --update writes it)', async () => {
    const text = await format(JSON.stringify(outputSchema()), { parser: 'json', printWidth: 110 });
    await expect(text).toMatchFileSnapshot('../../../docs/json-output.schema.json');
  });
});
