/** Git leaves out angle brackets, and refuses a name of nothing but punctuation. */
export const GIT_NAME = /^(?=.*[^\s.,:;<>"\\'])[^<>\p{Cc}\p{Cs}\u2028\u2029]{1,255}$/u;
/** As loose as git, for addresses such as `1+bot[bot]@users.noreply.example`. */
export const GIT_EMAIL = /^(?=.{3,254}$)[^\s<>@\p{Cc}\p{Cs}]+@[^\s<>@\p{Cc}\p{Cs}]+$/u;

/** Who the commits in a workspace are by, where neither the repository nor the user's own configuration says it. */
export interface GitIdentity {
  name?: string;
  email?: string;
}
