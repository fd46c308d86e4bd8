import type { DomainError } from './domain-error.js';

/** Turns an error of a port into what clients are told, or answers undefined when it is not that port's. */
export type ErrorTranslator = (error: unknown) => DomainError | undefined;

/** Injection token: the translators of all ports, composed in the application module. */
export abstract class ErrorTranslators extends Array<ErrorTranslator> {}
