/** What the API shows of a new container for which nothing else was asked. */
const USUAL = { egress: 'open', egressAllow: [], egressSets: ['git', 'model'], provisioning: 'cold' };
const ENDLESS = {
  idleStopMinutes: null,
  ttlMinutes: null,
  waitingStopMinutes: null,
  waitingStopAt: null,
  schedule: null,
};
const IMAGE = { imageReference: null, packages: [] };
const WORKSPACE = { depth: null, submodules: false, lfs: false, setup: null };
const UNUSED = { ...ENDLESS, ...IMAGE, ...WORKSPACE, lastActivityAt: null, activity: null, budgetUsd: null };
const ORIGINAL = { fromSnapshot: null, forkedFrom: null };
const NEW = {
  ...ORIGINAL,
  gitName: null,
  gitEmail: null,
  volume: null,
  pendingChanges: [],
  credentials: [],
  ...USUAL,
  ...UNUSED,
};
export const AUTONOMOUS = { ...NEW, egress: 'restricted' };
