const FINAL_DOT = /^((?:https|ssh):\/\/[^/]*?|[^/:]*)\.(?=:|\/|$)/;

/**
 * The address that git clones from. The final dot of a host name is left out: with it, ssh would not find the host among
 * those whose keys are pinned.
 */
export function cloneUrl(repoUrl: string): string {
  return repoUrl.replace(FINAL_DOT, '$1');
}
