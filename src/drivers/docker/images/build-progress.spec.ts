import { describe, expect, it } from '@jest/globals';
import { BuildProgress, isTransientFailure, isInformative } from './build-progress.js';

describe('BuildProgress', () => {
  it('counts the finished steps', () => {
    const progress = new BuildProgress();
    const seen = [
      'Step 1/4 : FROM x',
      ' ---> 0123456789ab',
      'Step 2/4 : RUN y',
      'Step 9/9 is not one',
      'x Step 4/4 : z',
      'Step 4/4 : CMD z',
    ].map((line) => {
      progress.read(line);
      return progress.percent;
    });
    expect(seen).toEqual([0, 0, 25, 25, 25, 75]);
  });
});

describe('isTransientFailure', () => {
  it.each([
    "W: Failed to fetch http://mirror.example/dists/bookworm/InRelease  Temporary failure resolving 'mirror.example'",
    'npm error code ECONNRESET',
    'npm error network request to https://registry.example/x failed, reason: getaddrinfo EAI_AGAIN registry.example',
    'curl: (6) Could not resolve host: example.org',
    'curl: (28) Connection timed out after 30001 milliseconds',
    'E: The requested URL returned error: 503 Service Unavailable',
  ])('is true for %s', (line) => {
    expect(isTransientFailure(['Step 1/2 : FROM x', line, 'The command returned a non-zero code: 100'])).toBe(true);
  });

  it.each([
    '/bin/sh: 1: nonsense: not found',
    'E: Unable to locate package emacs99',
    'npm error 404 Not Found',
    'SSL certificate problem: self-signed certificate',
    '',
  ])('is false for %j', (line) => {
    expect(isTransientFailure([line])).toBe(false);
  });
});

describe('isInformative', () => {
  it.each([
    ' ---> Running in 88146508d728',
    ' ---> a6c477d053bc',
    'Removing intermediate container 88146508d728',
    'npm warn Unknown env config "nodedir"',
  ])('is false for %s', (line) => {
    expect(isInformative(line)).toBe(false);
  });

  it.each([
    'Step 36/42 : RUN npm install',
    'Unpacking git (1:2.39.5) ...',
    'added 165 packages in 2m',
    'npm error code E404',
  ])('is true for %s', (line) => {
    expect(isInformative(line)).toBe(true);
  });
});

describe('the output of Podman', () => {
  it('counts the finished steps of all stages', () => {
    const progress = new BuildProgress();
    const seen = ['[1/2] STEP 1/4: FROM x AS y', '[1/2] STEP 3/4: RUN y', '[2/2] STEP 2/4: RUN z'].map((line) => {
      progress.read(line);
      return progress.percent;
    });
    expect(seen).toEqual([0, 25, 62]);
    progress.read('STEP 2/4: RUN only');
    expect(progress.percent).toBe(25);
  });
});
