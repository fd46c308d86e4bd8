import { describe, expect, it } from '@jest/globals';
import { parseListening } from './listening.ts';

const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0C38 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 100 1 00000000564cd2b1 100 0 0 10 0
   1: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 101 1 00000000564cd2b1 100 0 0 10 0
   2: 00000000:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 103 1 00000000564cd2b1 100 0 0 10 0
`;
const TCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 102 1 00000000152cc712 100 0 0 10 0
`;
const REST = `/proc/11/fd:
lrwx------ 1 dev dev 64 Nov 29 19:27 3 -> socket:[100]

/proc/39/fd:
lrwx------ 1 dev dev 64 Nov 29 19:27 2 -> /dev/null
lrwx------ 1 dev dev 64 Nov 29 19:27 21 -> socket:[102]
==> /proc/11/cmdline <==
devforge-forward 3128 /run/devforge/egress/gateway.sock
==> /proc/39/cmdline <==
node server.js
==> /proc/40/cmdline <==
`;

describe('what listens in a container', () => {
  it('is the ports with their programs, without those of DevForge', () => {
    expect(parseListening(TCP + TCP6 + REST)).toEqual([
      { port: 3000, program: null },
      { port: 8080, program: 'node server.js' },
    ]);
  });

  it('is nothing where nothing does', () => {
    expect(parseListening('')).toEqual([]);
  });
});
