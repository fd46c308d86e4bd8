import { describe, expect, it } from '@jest/globals';
import { waitingFor } from './waiting-for.js';

describe('what somebody has to allow', () => {
  it.each<[string, unknown, string]>([
    ['Bash', { command: 'make\n  test', description: 'Tests' }, 'make test'],
    ['Write', { file_path: '/a', content: 'x' }, '/a'],
    ['WebFetch', { url: 'https://a', prompt: 'p' }, 'https://a'],
    ['AskUserQuestion', { questions: [{ question: 'Which one?' }] }, 'Which one?'],
    ['ExitPlanMode', { plan: 'First this.' }, 'First this.'],
    ['Odd', { command: 5, questions: [] }, 'Odd'],
    ['Odd', null, 'Odd'],
    ['Odd', [1], 'Odd'],
  ])('is for %s with %j: %s', (toolName, input, text) => {
    expect(waitingFor({ toolName, input: JSON.stringify(input) })).toEqual({ tool: toolName, text });
  });

  it('is one short line, and names no tool that is not known', () => {
    expect(waitingFor({ toolName: '', input: JSON.stringify({ command: `\u001b[2J${'x'.repeat(300)}` }) })).toEqual({
      tool: null,
      text: `[2J${'x'.repeat(197)}`,
    });
  });
});
