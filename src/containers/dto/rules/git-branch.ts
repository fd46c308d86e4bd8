import { buildMessage, ValidateBy } from 'class-validator';

const MAX_LENGTH = 255;
/** The first character class is the control characters of ASCII and the space. */
const FORBIDDEN = /[^!-~\u0080-\uffff]|[~^:?*[\\]|\.\.|@\{|\/\/|\/\.|\.lock(?:\/|$)/;

/** Whether `git check-ref-format --branch` accepts the name. */
export function isBranchName(name: string): boolean {
  return (
    name.length > 0 &&
    name.length <= MAX_LENGTH &&
    name !== '@' &&
    name !== 'HEAD' &&
    !FORBIDDEN.test(name) &&
    !/^[-./]/.test(name) &&
    !/[./]$/.test(name)
  );
}

export function IsGitBranch(): PropertyDecorator {
  return ValidateBy({
    name: 'isGitBranch',
    validator: {
      validate: (value): boolean => typeof value === 'string' && isBranchName(value),
      defaultMessage: buildMessage((each) => `${each}$property must be a branch name that git accepts`),
    },
  });
}
