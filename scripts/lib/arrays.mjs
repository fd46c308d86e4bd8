/** Sorted and reversed copies; Node 18 has no methods for them. */
/* oxlint-disable unicorn/no-array-sort, unicorn/no-array-reverse */

/** @template T @param {Iterable<T>} items @param {(a: T, b: T) => number} [order] @returns {T[]} */
export const sorted = (items, order) => [...items].sort(order);

/** @template T @param {Iterable<T>} items @returns {T[]} */
export const reversed = (items) => [...items].reverse();
