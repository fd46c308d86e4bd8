/**
 * Loads the page again when its script or its styles were lost on the way, as when the network changes. It is a file of its own
 * since none of the console's own code runs then.
 */
addEventListener(
  'error',
  ({ target }) => {
    if (!(target instanceof HTMLScriptElement) && !(target instanceof HTMLLinkElement && target.rel === 'stylesheet'))
      return;
    const isReload = performance.getEntriesByType('navigation')[0]?.type === 'reload';
    document.getElementById('root')?.replaceChildren('DevForge could not be loaded. Trying again…');
    setTimeout(() => location.reload(), isReload ? 5_000 : 500);
  },
  true,
);
