import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { anchors, brokenLinks, linkTargets } from './doc-links.mjs';
import { ROOT } from './paths.mjs';

describe('the Markdown documents', () => {
  it('have no relative link that leads to no file or no heading', () => {
    expect(brokenLinks(ROOT)).toEqual([]);
  });

  it('begin with a README of at most 200 lines', () => {
    expect(readFileSync(join(ROOT, 'README.md'), 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(200);
  });
});

describe('links in Markdown', () => {
  const text = [
    '# A title, with `code`',
    'See [one](a.md#b) and ![two](c.png), not `[three](d)`.',
    '```sh',
    '# no heading [four](e)',
    '```',
    '| <a id="cell"></a>`cell` |',
  ].join('\n');

  it('are found outside of code', () => {
    expect(linkTargets(text)).toEqual(['a.md#b', 'c.png']);
  });

  it('may name headings and explicit ids', () => {
    expect([...anchors(text)]).toEqual(['a-title-with-code', 'cell']);
  });
});
