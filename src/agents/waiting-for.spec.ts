import { describe, expect, it } from '@jest/globals';
import { waitingFor } from './waiting-for.js';

describe('waitingFor', () => {
  it.each<[string, unknown, string]>([
    ['Bash', { command: 'make\n  test', description: 'Tests' }, 'make test'],
    ['Write', { file_path: '/a', content: 'x' }, '/a'],
    ['WebFetch', { url: 'https://a', prompt: 'p' }, 'https://a'],
    ['AskUserQuestion', { questions: [{ question: 'Which one?' }] }, 'Which one?'],
    ['ExitPlanMode', { plan: 'First this.' }, 'First this.'],
    ['Odd', { command: 5, questions: [] }, 'Odd'],
    ['Odd', null, 'Odd'],
    ['Odd', [1], 'Odd'],
  ])('summarises %s with input %j as: %s', (toolName, input, text) => {
    expect(waitingFor({ toolName, input: JSON.stringify(input) })).toEqual({ tool: toolName, text });
  });

  it('shortens the text to one line and reports an unnamed tool as null', () => {
    expect(waitingFor({ toolName: '', input: JSON.stringify({ command: `\u001b[2J${'x'.repeat(300)}` }) })).toEqual({
      tool: null,
      text: `[2J${'x'.repeat(197)}`,
    });
  });
});
