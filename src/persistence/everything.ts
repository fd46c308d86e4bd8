/**
 * The scope of work that no caller asked for, such as that of the reconciler and of workers, and of administrators. What
 * answers callers gets its scope from `auth`: a rule of `.dependency-cruiser.cjs` says which modules may import this.
 */
export const EVERYTHING: unique symbol = Symbol('everything');
