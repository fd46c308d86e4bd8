import { describe, expect, it } from '@jest/globals';
import { mirrorFor, parseDeb822, parseSourcesList } from './apt-sources.mjs';
import { debianSuite, parseImage } from './image-name.mjs';
import { allowsDevices, parseMounts } from './mounts.mjs';

describe('parseImage', () => {
  it('splits a reference into repository, tag and digest', () => {
    expect(parseImage('debian')).toEqual({ repository: 'debian', tag: 'latest', digest: undefined });
    expect(parseImage('registry:5000/team/debian:bookworm-slim')).toEqual({
      repository: 'registry:5000/team/debian',
      tag: 'bookworm-slim',
      digest: undefined,
    });
    expect(parseImage('registry:5000/debian@sha256:ab')).toEqual({
      repository: 'registry:5000/debian',
      tag: 'latest',
      digest: 'sha256:ab',
    });
  });

  it.each([
    ['debian:bookworm-slim', 'bookworm'],
    ['debian:12.5-slim', 'bookworm'],
    ['debian', 'stable'],
    ['library/debian:trixie', 'trixie'],
    ['debian-mine:bookworm', 'bookworm'],
    ['ubuntu:24.04', undefined],
    ['debian:strange', undefined],
    ['debian@sha256:ab', undefined],
  ])('derives from %s the Debian suite %s', (reference, suite) => {
    expect(debianSuite(reference)).toBe(suite);
  });
});

describe('mirrorFor', () => {
  const deb822 = [
    '# comment',
    'Types: deb deb-src',
    'URIs: http://mirror.test/debian',
    'Suites: bookworm',
    ' bookworm-updates',
    'Components: main contrib',
    '',
    'Types: deb',
    'URIs: http://mirror.test/security',
    'Suites: bookworm-security',
    'Components: main',
    '',
    'Enabled: no',
    'Types: deb',
    'URIs: http://off.test',
    'Suites: bookworm',
    'Components: main',
  ].join('\n');

  it('takes the mirror of the host, with updates and security', () => {
    expect(mirrorFor('bookworm', parseDeb822(deb822))).toEqual({
      mirror: 'http://mirror.test/debian',
      lines: [
        'deb http://mirror.test/debian bookworm main',
        'deb http://mirror.test/debian bookworm-updates main',
        'deb http://mirror.test/security bookworm-security main',
      ],
    });
  });

  it('reads one-line sources too', () => {
    const sources = parseSourcesList(
      '# deb http://no.test x main\ndeb [arch=amd64 signed-by=/k] https://one.test/debian bookworm main contrib # here\ndeb cdrom:[x]/ bookworm main\n',
    );
    expect(mirrorFor('bookworm', sources).mirror).toBe('https://one.test/debian');
  });

  it('has no mirror when the host has no source for the suite', () => {
    expect(mirrorFor('trixie', parseDeb822(deb822))).toEqual({ mirror: undefined, lines: [] });
  });
});

describe('allowsDevices', () => {
  const mounts = parseMounts(
    '/dev/a / ext4 rw 0 0\ntmpfs /tmp tmpfs rw,nosuid,nodev,noexec 0 0\n/dev/b /tmp/big ext4 rw 0 0\n',
  );

  it('rejects mounts with noexec or nodev, and looks at the innermost mount', () => {
    expect(['/var/tmp', '/tmp', '/tmp/big/x', '/tmpfoo'].map((path) => allowsDevices(path, mounts))).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });
});
