import { describe, expect, it } from '@jest/globals';
import { DiffStatCounter } from './diff-stat.js';

const PATCH = `diff --git a/one b/one
index 1..2 100644
--- a/one
+++ b/one
@@ -1,3 +1,4 @@ context
 kept
--- a removed line that looks like a header
+++ an added one
+diff --git a/no b/no
 kept
@@ -9 +10 @@
-old
\\ No newline at end of file
+new
\\ No newline at end of file
diff --git a/empty b/empty
new file mode 100644
index 0..0
diff --git a/picture b/picture
GIT binary patch
literal 5
Mc-+x

diff --git a/gone b/gone
deleted file mode 100644
--- a/gone
+++ /dev/null
@@ -1,2 +0,0 @@
-one
-two
`;

describe('the statistics of a patch', () => {
  it.each([1, 7, 64, 100_000])('count files and lines when it comes in pieces of %d bytes', (size) => {
    const counter = new DiffStatCounter();
    const patch = Buffer.from(PATCH);
    for (let at = 0; at < patch.length; at += size) counter.push(patch.subarray(at, at + size));
    expect(counter.end()).toEqual({ files: 4, insertions: 3, deletions: 4 });
  });

  it('take a long line for one, and are zero for an empty patch', () => {
    const counter = new DiffStatCounter();
    counter.push(Buffer.from(`diff --git a/x b/x\n@@ -0,0 +1 @@\n+${'y'.repeat(100_000)}`));
    expect(counter.end()).toEqual({ files: 1, insertions: 1, deletions: 0 });
    expect(new DiffStatCounter().end()).toEqual({ files: 0, insertions: 0, deletions: 0 });
  });
});
