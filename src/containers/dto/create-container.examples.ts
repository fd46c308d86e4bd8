/** Bodies that can be sent as they are. */
export const CREATE_EXAMPLES = {
  minimal: { summary: 'Claude Code in an empty workspace', value: { name: 'my-dev-container', template: 'claude' } },
  clone: {
    summary: 'Claude Code and VS Code with a public repository',
    value: {
      name: 'my-clone',
      template: 'both',
      repoType: 'clone',
      repoUrl: 'https://github.com/octocat/Hello-World.git',
      repoBranch: 'master',
    },
  },
  limits: {
    summary: 'Limits and environment',
    value: {
      name: 'my-small-container',
      template: 'claude',
      cpuLimit: 1,
      memoryLimit: 1024,
      diskLimit: 2048,
      env: { FOO: 'bar' },
    },
  },
  autonomous: {
    summary: 'An agent that asks nobody and may install packages',
    value: { name: 'my-agent', template: 'claude', mode: 'autonomous', egressSets: ['git', 'model', 'packages'] },
  },
};

export const UPDATE_EXAMPLES = {
  name: { summary: 'Another name', value: { name: 'my-dev-container' } },
  limits: { summary: 'Other limits, at once', value: { cpuLimit: 1, memoryLimit: 4096, diskLimit: 20480 } },
  env: { summary: 'Another environment, at the next rebuild', value: { env: { FOO: 'baz' } } },
};
