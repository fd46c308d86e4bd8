/**
 * Jest reporter that leaves the totals of a run in the file named by DEVFORGE_SUMMARY_FILE, for `npm test` to add up.
 * A suite that could not run at all counts as one failed test.
 */
import { writeFileSync } from 'node:fs';

export default class SummaryReporter {
  onRunComplete(_contexts, results) {
    const file = process.env.DEVFORGE_SUMMARY_FILE;
    if (!file) return;
    writeFileSync(
      file,
      JSON.stringify({
        passed: results.numPassedTests,
        failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      }),
    );
  }
}
