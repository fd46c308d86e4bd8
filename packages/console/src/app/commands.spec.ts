import { describe, expect, it } from '@jest/globals';
import { matching } from './commands.ts';

const command = (label: string, group: string) => ({ id: label, label, group, run: () => undefined });
const commands = [command('All containers', 'Page'), command('web-shop', 'Container'), command('Containers', 'Page')];
const labelsFor = (text: string) => matching(commands, text).map(({ label }) => label);

describe('the commands of the palette', () => {
  it('are found by words of their name and of what they belong to', () => {
    expect(labelsFor('SHOP contain')).toEqual(['web-shop']);
    expect(labelsFor('nothing')).toEqual([]);
  });

  it('begin with those whose name begins with the text', () => {
    expect(labelsFor('con')).toEqual(['Containers', 'All containers', 'web-shop']);
    expect(labelsFor('')).toHaveLength(3);
  });
});
