import type { DomainError } from './domain-error.js';

/** Converts an error of a port to a domain error. @returns undefined for errors of other origin */
export type ErrorTranslator = (error: unknown) => DomainError | undefined;

/** Injection token of the translators of all ports. The application module provides them. */
export abstract class ErrorTranslators extends Array<ErrorTranslator> {}
