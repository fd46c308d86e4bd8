import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../../test/support/api/free-port.js';
import { requireTool } from '../../../test/support/api/tool.js';
import { ask } from './load.js';

export interface Nginx {
  hostname: string;
  port: number;
  /** The process that serves. */
  pid: number;
  dispose(): Promise<void>;
}

/** nginx as a reverse proxy in one process, since DevForge is one process, and connections that are kept on both sides. */
export async function startNginx(upstream: { hostname: string; port: number }): Promise<Nginx> {
  const program = requireTool('nginx', 'nginx');
  const folder = await mkdtemp(join(tmpdir(), 'devforge-nginx-'));
  const port = await freePort();
  await mkdir(join(folder, 'temp'));
  await writeFile(join(folder, 'nginx.conf'), configuration(upstream, port));
  const child = spawn(program, ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const dispose = async (): Promise<void> => {
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const target = { hostname: '127.0.0.1', port };
    while (
      !(await ask({ ...target, path: '/healthz', headers: {} }).then(
        () => true,
        () => false,
      ))
    ) {
      if (child.exitCode !== null) throw new Error('nginx did not start');
      await delay(20);
    }
    return { ...target, pid: child.pid!, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

const configuration = (upstream: { hostname: string; port: number }, port: number): string => `
daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 512; }
http {
  access_log off;
${TEMPORARY.map((name) => `  ${name}_temp_path temp/${name};`).join('\n')}
  keepalive_requests 1000000;
  upstream editor { server ${upstream.hostname}:${upstream.port}; keepalive 64; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://editor;
      proxy_http_version 1.1;
      proxy_set_header Connection '';
      proxy_set_header Host $http_host;
    }
  }
}
`;
