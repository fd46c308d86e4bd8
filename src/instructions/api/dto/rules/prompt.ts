import { buildMessage, ValidateBy } from 'class-validator';
import { LIMITS } from '../../../../common/limits.js';

export const MAX_PROMPT_BYTES = LIMITS.promptBytes;

/** @returns what is wrong with the prompt, or undefined */
export function promptProblem(prompt: unknown): string | undefined {
  if (typeof prompt !== 'string' || prompt.trim() === '') return 'must be a string that is not blank';
  if (Buffer.byteLength(prompt) > MAX_PROMPT_BYTES) return `must have at most ${MAX_PROMPT_BYTES} bytes`;
  // PostgreSQL can store neither.
  if (prompt.includes('\0') || !prompt.isWellFormed()) return 'must not contain NUL or a lone surrogate';
  return undefined;
}

export function IsPrompt(): PropertyDecorator {
  return ValidateBy({
    name: 'isPrompt',
    validator: {
      validate: (value): boolean => promptProblem(value) === undefined,
      defaultMessage: buildMessage((each, args) => `${each}$property ${promptProblem(args?.value)}`),
    },
  });
}
