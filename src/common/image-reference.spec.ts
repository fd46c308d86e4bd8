import { describe, expect, it } from '@jest/globals';
import { isImageReference, matchesImagePattern, wholeImageName } from './image-reference.js';

const DIGEST = `@sha256:${'0'.repeat(64)}`;

describe('isImageReference', () => {
  it.each([
    'debian',
    'debian:trixie-slim',
    'team/image',
    'registry.example.org/team/image:1.2',
    'localhost:5000/image',
    `debian${DIGEST}`,
    `registry.example.org:5000/a/b__c/d-e:tag${DIGEST}`,
  ])('accepts %s', (text) => expect(isImageReference(text)).toBe(true));

  it.each([
    '',
    'Debian',
    '-debian',
    'debian:',
    'debian:a b',
    'debian@sha256:12',
    '/etc',
    'a//b',
    '../image',
    'https://registry.example.org/image',
    'debian\nRUN id',
    'a'.repeat(513),
  ])('refuses %j', (text) => expect(isImageReference(text)).toBe(false));
});

describe('wholeImageName', () => {
  it.each([
    ['debian', 'docker.io/library/debian:latest'],
    ['debian:12', 'docker.io/library/debian:12'],
    ['team/image', 'docker.io/team/image:latest'],
    ['docker.io/debian:12', 'docker.io/library/debian:12'],
    ['localhost/image', 'localhost/image:latest'],
    ['localhost:5000/image', 'localhost:5000/image:latest'],
    [`registry.example.org/image${DIGEST}`, `registry.example.org/image${DIGEST}`],
  ])('of %s is %s', (reference, whole) => expect(wholeImageName(reference)).toBe(whole));
});

describe('matchesImagePattern', () => {
  it.each([
    ['debian:12', 'docker.io/library/*', true],
    ['debian:12', 'docker.io/library/debian', true],
    ['debian:12', 'docker.io/library/debian:13', false],
    ['team/debian', 'docker.io/library/*', false],
    ['docker.io.example.org/library/debian', 'docker.io/library/*', false],
    ['dockerXio/library/debian', 'docker.io/library/*', false],
    ['registry.example.org/a/b:1', '*', true],
    ['debianx', 'docker.io/library/debian', false],
  ])('of %s and %s is %s', (reference, pattern, matches) => {
    expect(matchesImagePattern(reference, pattern)).toBe(matches);
  });
});
