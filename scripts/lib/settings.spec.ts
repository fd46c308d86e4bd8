import { describe, expect, it } from '@jest/globals';
import { homedir } from 'node:os';
import { describeAddress, engineAddress, isLocalDefault } from './engine-address.mjs';
import { extraCa } from './extra-ca.mjs';
import { expandPath, parsePort, reachableHost } from './settings.mjs';

describe('settings', () => {
  it('expands paths as the server does', () => {
    expect(expandPath('./.devforge', '/app')).toBe('/app/.devforge');
    expect(expandPath('~/data', '/app')).toBe(`${homedir()}/data`);
    expect(expandPath('/data', '/app')).toBe('/data');
  });

  it('accepts ports from 1 to 65535 only', () => {
    expect(parsePort('3000')).toBe(3000);
    for (const text of ['0', '65536', '3.5', 'x', '']) expect(() => parsePort(text)).toThrow('is not a port');
  });

  it('reaches a server on a wildcard address by loopback', () => {
    expect(['0.0.0.0', '::', '10.0.0.5'].map(reachableHost)).toEqual(['127.0.0.1', '127.0.0.1', '10.0.0.5']);
  });
});

describe('engine address', () => {
  it('is the default socket, DOCKER_SOCKET_PATH or DOCKER_HOST', () => {
    expect(engineAddress({})).toEqual({ kind: 'socket', path: '/var/run/docker.sock' });
    expect(engineAddress({ DOCKER_SOCKET_PATH: '/s' })).toEqual({ kind: 'socket', path: '/s' });
    expect(engineAddress({ DOCKER_HOST: 'unix:///u', DOCKER_SOCKET_PATH: '/s' })).toEqual({
      kind: 'socket',
      path: '/u',
    });
    expect(engineAddress({ DOCKER_HOST: 'tcp://h:1234' })).toEqual({ kind: 'tcp', host: 'h', port: 1234 });
    expect(engineAddress({ DOCKER_HOST: 'tcp://[::1]', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/c' })).toEqual({
      kind: 'tcp',
      host: '::1',
      port: 2376,
      certPath: '/c',
    });
    expect(describeAddress(engineAddress({ DOCKER_HOST: 'ssh://me@h' }))).toBe('ssh://me@h');
  });

  it('lets the set-up start an engine only at the default socket', () => {
    expect(isLocalDefault(engineAddress({}))).toBe(true);
    expect(isLocalDefault(engineAddress({ DOCKER_HOST: 'unix:///run/docker.sock' }))).toBe(true);
    expect(isLocalDefault(engineAddress({ DOCKER_SOCKET_PATH: '/home/me/docker.sock' }))).toBe(false);
    expect(isLocalDefault(engineAddress({ DOCKER_HOST: 'tcp://localhost' }))).toBe(false);
  });
});

describe('extra certificate authorities', () => {
  it('come from EXTRA_CA_CERTS, else from NODE_EXTRA_CA_CERTS', () => {
    expect(extraCa({ EXTRA_CA_CERTS: '/a', NODE_EXTRA_CA_CERTS: '/b' }, () => true)).toEqual({
      file: '/a',
      from: 'EXTRA_CA_CERTS',
    });
    expect(extraCa({ NODE_EXTRA_CA_CERTS: '/b' }, () => true)).toEqual({ file: '/b', from: 'NODE_EXTRA_CA_CERTS' });
    expect(extraCa({ NODE_EXTRA_CA_CERTS: '/b' }, () => false)).toBeUndefined();
    expect(extraCa({}, () => true)).toBeUndefined();
    expect(() => extraCa({ EXTRA_CA_CERTS: '/a' }, () => false)).toThrow('/a, which does not exist');
  });
});
