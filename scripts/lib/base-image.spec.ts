import { describe, expect, it } from '@jest/globals';
import { mirrorFor, parseDeb822, parseSourcesList } from './apt-sources.mjs';
import { debianSuite, parseImage } from './image-name.mjs';
import { allowsDevices, parseMounts } from './mounts.mjs';

describe('image names', () => {
  it('come apart into repository, tag and digest', () => {
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
  ])('%s is made from suite %s', (reference, suite) => {
    expect(debianSuite(reference)).toBe(suite);
  });
});

describe('the Debian mirror', () => {
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

  it('is the one of the host, with its updates and security', () => {
    expect(mirrorFor('bookworm', parseDeb822(deb822))).toEqual({
      mirror: 'http://mirror.test/debian',
      lines: [
        'deb http://mirror.test/debian bookworm main',
        'deb http://mirror.test/debian bookworm-updates main',
        'deb http://mirror.test/security bookworm-security main',
      ],
    });
  });

  it('is read from one-line sources too', () => {
    const sources = parseSourcesList(
      '# deb http://no.test x main\ndeb [arch=amd64 signed-by=/k] https://one.test/debian bookworm main contrib # here\ndeb cdrom:[x]/ bookworm main\n',
    );
    expect(mirrorFor('bookworm', sources).mirror).toBe('https://one.test/debian');
  });

  it('is left to debootstrap when the host has none for the suite', () => {
    expect(mirrorFor('trixie', parseDeb822(deb822))).toEqual({ mirror: undefined, lines: [] });
  });
});

describe('the scratch directory', () => {
  const mounts = parseMounts(
    '/dev/a / ext4 rw 0 0\ntmpfs /tmp tmpfs rw,nosuid,nodev,noexec 0 0\n/dev/b /tmp/big ext4 rw 0 0\n',
  );

  it('is on a mount that allows programs and devices', () => {
    expect(['/var/tmp', '/tmp', '/tmp/big/x', '/tmpfoo'].map((path) => allowsDevices(path, mounts))).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });
});
