import type { SpendingRules, SpendRecords } from '../../workspace-spend.js';
import type { DenialWatch, WorkspaceEgress, WorkspaceSecrets } from '../../workspace-egress.js';

/**
 * The one way out of fenced workspaces: a process at the engine that all DevForge servers of that engine share, and that
 * goes on without them. Every method starts it when it does not run, but for those that remove something.
 */
export abstract class EgressGateway {
  /**
   * Makes the socket of a workspace, which reaches nothing until its first policy.
   * @returns the folder of the socket on the engine's machine, which the workspace mounts
   */
  abstract open(id: string, signal?: AbortSignal): Promise<string>;
  /** As {@link open}, with the policy. */
  abstract setEgress(id: string, egress: WorkspaceEgress, signal?: AbortSignal): Promise<string>;
  /** Kept until the gateway ends. */
  abstract setSecrets(id: string, secrets: WorkspaceSecrets, signal?: AbortSignal): Promise<void>;
  /** Kept until the gateway ends. */
  abstract setSpending(id: string, rules: SpendingRules, signal?: AbortSignal): Promise<void>;
  /** Entries of a workspace's journal after those that are stored; none without a gateway. */
  abstract spend(id: string, known: { journal: string; seq: number } | undefined): Promise<SpendRecords>;
  /** Resolves when the signal aborts, rejects when the gateway goes away. */
  abstract watchDenials(watch: DenialWatch, signal: AbortSignal): Promise<void>;
  /** Forgets a workspace; without a gateway there is nothing to forget. */
  abstract remove(id: string): Promise<void>;
  /** The workspaces that it knows; none without a gateway. */
  abstract list(): Promise<string[]>;
  /** Removes the gateway when the engine has had no workspace for a while. */
  abstract removeUnused(): Promise<void>;
}
