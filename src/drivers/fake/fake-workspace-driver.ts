import { JobFailure } from '../../common/errors/job-failure.js';
import { DriverError } from '../driver-error.js';
import {
  type DriverCapabilities,
  type EngineInfo,
  type RemoveOptions,
  type SavedSnapshot,
  type StageListener,
  type WorkspaceDriver,
} from '../workspace-driver.js';
import { NO_SECRETS } from '../workspace-egress.js';
import type { LogRecord, LogRequest } from '../workspace-logs.js';
import { type ExecRequest, type ExecResult, type ProcessRequest, withAddedEnv } from '../workspace-process.js';
import type {
  ListedWorkspace,
  ObservedWorkspace,
  OrphanedWorkspace,
  WorkspaceEvent,
  WorkspaceEventType,
  WorkspaceRef,
  WorkspaceSpec,
} from '../workspace.js';
import { type FakeExecHandler, playExec } from './fake-exec.js';
import { type DriverCall, FakeEgressVerbs } from './fake-egress-verbs.js';
import { FakeProcess, type FakeProcessHandler } from './fake-process.js';
import { FakeUsageSource } from './fake-usage.js';
import { FakeWatchers } from './fake-watchers.js';
import { fakeImageOf, fingerprintOf, listedOf, type PrepareHandler, refOf } from './fake-views.js';
import { fakeSpec, type FakeWorkspace, isUp, newFakeWorkspace } from './fake-workspace.js';

const KILLED = 137;

export type { DriverCall };

/**
 * A driver whose workspaces exist in memory, for unit tests. The contract suite holds it to what Docker does.
 *
 * @example
 * const driver = new FakeWorkspaceDriver();
 * const ref = driver.run({ id: row.id });
 * driver.onExec = ({ argv }) => ({ exitCode: 0, stdout: argv.join(' ') });
 * driver.faults.goAway();
 */
export class FakeWorkspaceDriver extends FakeEgressVerbs {
  readonly kind = 'docker';
  capabilities: DriverCapabilities = {
    pause: true,
    snapshot: true,
    hardDiskLimit: false,
    fence: true,
    resourceLimits: true,
    customImages: true,
  };
  engine: EngineInfo = { name: 'Docker', version: '20.10.24', cpus: 4, memoryMiB: 8_192, shortcomings: [] };
  /** Ids whose name at the engine belongs to an object that DevForge did not create. */
  readonly foreign = new Set<string>();
  /** Builds an image. */
  onPrepare: PrepareHandler = async () => undefined;
  /** Every command that was run, in order. */
  readonly execs: { ref: WorkspaceRef; request: ExecRequest }[] = [];
  /** Plays the commands; by default each exits with 0 at once. */
  onExec: FakeExecHandler = () => ({ exitCode: 0 });
  /** Every process that was opened, in order. */
  readonly processes: { ref: WorkspaceRef; process: FakeProcess }[] = [];
  /** Plays the processes; by default each exits with 0 at once. */
  onOpen: FakeProcessHandler = async () => 0;
  /** Called for every workspace that was just started. */
  onStart: (workspace: FakeWorkspace) => void = () => undefined;
  private readonly workspaces = new Map<string, FakeWorkspace>();
  /** Ids of workspaces whose files exist. */
  private readonly data = new Set<string>();
  /** Ids of the workspaces that the snapshots are of, by their own ids. */
  readonly snapshots = new Map<string, string>();
  private readonly watchers = new FakeWatchers();
  private incarnations = 0;

  async ping(): Promise<void> {
    await this.faults.pass('ping');
  }

  async info(): Promise<EngineInfo> {
    await this.faults.pass('info');
    return this.engine;
  }

  async watch(onEvent: (event: WorkspaceEvent) => void, signal: AbortSignal, onReady: () => void): Promise<void> {
    await this.faults.pass('watch');
    if (signal.aborted) return;
    const ended = this.watchers.add(onEvent, signal, (listener) => this.faults.whenAway(listener));
    onReady();
    await ended;
  }

  async prepare(...asked: Parameters<PrepareHandler>): Promise<string> {
    await this.faults.pass('prepare');
    const image = fakeImageOf(asked[0]);
    if (!this.images.has(image)) await this.onPrepare(...asked);
    this.images.add(image);
    return image;
  }

  async ensure(spec: WorkspaceSpec, onStage: StageListener, _signal: AbortSignal): Promise<WorkspaceRef> {
    await this.faults.pass('ensure');
    await onStage('network');
    if (spec.readGitKey !== null) await onStage('git-agent');
    const gitKey = (await spec.readGitKey?.()) ?? null;
    await onStage('container');
    const existing = this.workspaces.get(spec.id);
    if (this.foreign.has(spec.id))
      throw new DriverError('foreign', `ensure ${spec.id}: the name belongs to an object that DevForge did not create`);
    if (existing === undefined && !this.images.has(spec.image))
      throw new DriverError('not_found', `ensure ${spec.id}: no such image`);
    const { id, dataId = id } = spec;
    if (dataId !== id && !this.data.has(dataId))
      throw new JobFailure('volume_missing', `The files of ${dataId} do not exist any more.`);
    const workspace = Object.assign(existing ?? this.create(spec), { gitKey });
    workspace.spec = { ...workspace.spec, egress: spec.egress };
    return refOf(workspace);
  }

  async replace(spec: WorkspaceSpec, onStage: StageListener, signal: AbortSignal): Promise<WorkspaceRef> {
    await this.faults.pass('replace');
    this.vanish(spec.id);
    return this.ensure(spec, onStage, signal);
  }

  async fingerprint(spec: WorkspaceSpec): Promise<string> {
    await this.faults.pass('fingerprint');
    return fingerprintOf(spec);
  }

  async claim({ id, runtimeId }: WorkspaceRef, spec: WorkspaceSpec, _signal: AbortSignal): Promise<boolean> {
    await this.faults.pass('claim');
    const workspace = this.workspaces.get(id);
    if (workspace?.runtimeId !== runtimeId || workspace.state !== 'running') return false;
    workspace.spec = { ...workspace.spec, limits: spec.limits, egress: spec.egress };
    return true;
  }

  async start(ref: WorkspaceRef): Promise<void> {
    const workspace = await this.existing('start', ref);
    this.bringUp(workspace);
  }

  async startAgain(ref: WorkspaceRef, spec: WorkspaceSpec, _signal: AbortSignal): Promise<WorkspaceRef> {
    const before = await this.existing('startAgain', ref);
    const stays = isUp(before) || ref.addedEnv === undefined;
    const workspace = stays ? before : this.create(spec);
    workspace.gitKey = (await spec.readGitKey?.()) ?? null;
    workspace.spec = { ...workspace.spec, egress: spec.egress };
    this.bringUp(workspace);
    return stays ? ref : refOf(workspace);
  }

  async stop(id: string, _graceSeconds: number): Promise<void> {
    await this.faults.pass('stop');
    const workspace = this.require(id, 'stop');
    workspace.gitKey = null;
    if (!isUp(workspace)) return;
    this.exit(id, KILLED);
    this.emit('stopped', workspace);
  }

  async resize(ref: WorkspaceRef, limits: Parameters<WorkspaceDriver['resize']>[1]): Promise<void> {
    const workspace = await this.existing('resize', ref);
    workspace.spec = { ...workspace.spec, limits: { ...workspace.spec.limits, ...limits } };
  }

  async pause(ref: WorkspaceRef): Promise<void> {
    const workspace = await this.existing('pause', ref);
    if (workspace.state !== 'running') return;
    workspace.state = 'paused';
    this.emit('paused', workspace);
  }

  async unpause(ref: WorkspaceRef): Promise<void> {
    const workspace = await this.existing('unpause', ref);
    if (workspace.state !== 'paused') return;
    workspace.state = 'running';
    this.emit('unpaused', workspace);
  }

  async remove(id: string, { keepData, dataId = id }: RemoveOptions): Promise<void> {
    await this.faults.pass('remove');
    this.vanish(id);
    if (!keepData) this.data.delete(dataId);
  }

  async saveSnapshot(
    ref: WorkspaceRef,
    snapshotId: string,
    _image: string,
    signal: AbortSignal,
  ): Promise<SavedSnapshot> {
    const { diskBytes } = await this.existing('saveSnapshot', ref);
    if (signal.aborted) throw new DriverError('aborted', `save ${ref.id}: aborted`);
    this.snapshots.set(snapshotId, ref.id);
    return { bytes: diskBytes, pausedMs: 0 };
  }

  async restoreSnapshot(
    { id }: WorkspaceSpec,
    snapshotId: string,
    _image: string,
    _signal: AbortSignal,
  ): Promise<void> {
    await this.faults.pass('restoreSnapshot');
    const workspace = this.require(id, 'restore');
    if (isUp(workspace)) throw new DriverError('conflict', `restore ${id}: the workspace runs`);
    const origin = this.snapshots.get(snapshotId);
    if (origin === undefined) throw new DriverError('not_found', `restore ${id}: no snapshot ${snapshotId}`);
    workspace.filesOf = origin;
  }

  async removeSnapshot(snapshotId: string): Promise<void> {
    await this.faults.pass('removeSnapshot');
    this.snapshots.delete(snapshotId);
  }

  async listData(): Promise<string[]> {
    await this.faults.pass('listData');
    return this.faults.listed([...this.data]);
  }

  async sweep(findOrphans: (ids: string[]) => Promise<OrphanedWorkspace[]>): Promise<string[]> {
    await this.faults.pass('sweep');
    const ids = this.faults.listed([...new Set([...this.workspaces.keys(), ...this.data])]);
    const removed: string[] = [];
    for (const { id, keepData } of await findOrphans(ids)) {
      if (keepData && !this.workspaces.has(id)) continue;
      await this.remove(id, { keepData });
      removed.push(id);
    }
    return removed;
  }

  async observe(id: string): Promise<ObservedWorkspace | null> {
    await this.faults.pass('observe');
    const workspace = this.workspaces.get(id);
    if (workspace === undefined) return null;
    const { image, state, exitCode, oomKilled, startedAt, finishedAt } = workspace;
    return { ...refOf(workspace), image, state, exitCode, oomKilled, startedAt, finishedAt };
  }

  async list(): Promise<ListedWorkspace[]> {
    await this.faults.pass('list');
    return this.faults.listed([...this.workspaces.values()].map(listedOf));
  }

  async exec(ref: WorkspaceRef, request: ExecRequest): Promise<ExecResult> {
    const workspace = await this.existing('exec', ref);
    if (workspace.state !== 'running')
      throw new DriverError('conflict', `exec ${request.argv[0]}: the workspace is not running`);
    const complete = withAddedEnv(request, ref);
    this.execs.push({ ref, request: complete });
    return playExec(complete, this.onExec);
  }

  async open(ref: WorkspaceRef, request: ProcessRequest): Promise<FakeProcess> {
    const workspace = await this.existing('open', ref);
    if (request.signal?.aborted) throw new DriverError('aborted', `open ${request.argv[0]}: aborted`);
    if (workspace.state !== 'running')
      throw new DriverError('conflict', `open ${request.argv[0]}: the workspace is not running`);
    const process = new FakeProcess(withAddedEnv(request, ref), this.onOpen);
    this.processes.push({ ref: refOf(workspace), process });
    return process;
  }

  async *logs(ref: WorkspaceRef, request: LogRequest): AsyncGenerator<LogRecord[]> {
    const workspace = await this.existing('logs', ref);
    yield* workspace.log.read(request, () => isUp(workspace));
  }

  async usage(ref: WorkspaceRef): Promise<FakeUsageSource> {
    const workspace = await this.existing('usage', ref);
    if (!isUp(workspace)) throw new DriverError('conflict', `usage ${ref.id}: the workspace does not run`);
    return new FakeUsageSource(workspace, () => this.faults.pass('usage'));
  }

  async diskBytes(ref: WorkspaceRef, signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    return (await this.existing('diskBytes', ref)).diskBytes;
  }

  async address(ref: WorkspaceRef): Promise<string | null> {
    const workspace = await this.existing('address', ref);
    return isUp(workspace) && workspace.hasNetwork ? workspace.address : null;
  }

  /** The gateway is replaced by a new one: secrets are lost, and watches end. */
  restartGateway(): void {
    for (const workspace of this.workspaces.values()) workspace.secrets = NO_SECRETS;
    this.denials.breakWatches();
  }

  /** A workspace that runs from the start of a test. */
  run(overrides: Partial<WorkspaceSpec> = {}): WorkspaceRef {
    const spec = fakeSpec(overrides);
    const workspace = this.workspaces.get(spec.id) ?? this.create(spec);
    this.bringUp(workspace);
    return refOf(workspace);
  }

  /** The main process of a workspace ends, by itself or for want of memory. */
  exit(id: string, exitCode: number, { oomKilled = false } = {}): void {
    const workspace = this.require(id);
    workspace.log.end();
    Object.assign(workspace, { state: 'exited', exitCode, oomKilled, finishedAt: new Date() });
    for (const { ref, process } of this.processes) if (ref.runtimeId === workspace.runtimeId) process.kill(KILLED);
    if (oomKilled) this.emit('oom', workspace);
    this.emit('exited', workspace);
  }

  /** A workspace is removed without DevForge; its files stay. */
  vanish(id: string): void {
    const workspace = this.workspaces.get(id);
    if (workspace === undefined) return;
    if (isUp(workspace)) this.exit(id, KILLED);
    this.workspaces.delete(id);
    this.emit('removed', workspace);
  }

  /** What exists of a workspace. */
  remains(id: string): ('workspace' | 'data')[] {
    return [
      ...(this.workspaces.has(id) ? ['workspace' as const] : []),
      ...(this.data.has(id) ? ['data' as const] : []),
    ];
  }

  /** @throws DriverError `not_found` when there is no such workspace */
  require(id: string, call = 'require'): FakeWorkspace {
    const workspace = this.workspaces.get(id);
    if (workspace === undefined) throw new DriverError('not_found', `${call} ${id}: no such workspace`);
    return workspace;
  }

  emit(type: WorkspaceEventType, { id, runtimeId }: WorkspaceRef): void {
    this.watchers.emit({ id, runtimeId, type, at: new Date() });
  }

  /** Ends every event stream without an error. */
  endWatches(): void {
    this.watchers.endAll();
  }

  private create(spec: WorkspaceSpec): FakeWorkspace {
    const workspace = newFakeWorkspace(spec, ++this.incarnations);
    this.workspaces.set(spec.id, workspace);
    this.data.add(spec.dataId ?? spec.id);
    this.emit('created', workspace);
    return workspace;
  }

  private bringUp(workspace: FakeWorkspace): void {
    if (isUp(workspace)) return;
    const hasNetwork = workspace.spec.egress.mode === 'open';
    Object.assign(workspace, { state: 'running', startedAt: new Date(), exitCode: 0, oomKilled: false, hasNetwork });
    this.emit('started', workspace);
    this.onStart(workspace);
  }

  /** A workspace that is not outdated. */
  protected async current(call: DriverCall, id: string, signal?: AbortSignal): Promise<FakeWorkspace> {
    await this.faults.pass(call);
    if (signal?.aborted) throw new DriverError('aborted', `${call} ${id}: aborted`);
    const workspace = this.require(id, call);
    if (workspace.outdated) throw new DriverError('outdated', `${call} ${id}: it has to be created anew`);
    return workspace;
  }

  private async existing(call: DriverCall, { id, runtimeId }: WorkspaceRef): Promise<FakeWorkspace> {
    await this.faults.pass(call);
    const workspace = this.require(id, call);
    if (workspace.runtimeId !== runtimeId) throw new DriverError('not_found', `${call} ${id}: it was created anew`);
    return workspace;
  }
}
