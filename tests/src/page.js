// Runs in a page before its own scripts. Time stands still in it until a test lets it pass; timers fire as it passes them. Counts the
// answers that the page's scripts have received and the WebAssembly modules that they run.

window.testPage = (() => {
  const [steady, unix, later, send, instantiate] = [performance.now(), Date.now(), setTimeout, fetch, WebAssembly.instantiate];
  const timers = new Map();
  let passed = 0;
  let last = 0;

  const next = () => Math.min(...[...timers.values()].map((timer) => timer.at));
  const fire = () => {
    for (const [id, timer] of [...timers].sort(([, a], [, b]) => a.at - b.at)) {
      if (timer.at <= passed && timers.delete(id)) timer.call();
    }
  };

  Performance.prototype.now = () => steady + passed;
  Date.now = () => unix + passed;
  window.setTimeout = (call, after) => {
    timers.set(++last, { at: passed + (after || 0), call });
    if (!after) later(fire);
    return last;
  };
  window.clearTimeout = (id) => timers.delete(id);

  // Counted when everything that the page does at once with what it got has been done.
  const page = {
    answers: 0,
    modules: 0,
    // Milliseconds from now to the first timer, Infinity when there is none.
    next: () => next() - passed,
    advance: (ms) => {
      const end = passed + ms;
      while (next() <= end) {
        passed = Math.max(passed, next());
        fire();
      }
      passed = end;
    },
  };
  window.fetch = (...given) => send(...given).finally(() => later(() => page.answers++));
  WebAssembly.instantiate = (...given) => instantiate(...given).finally(() => later(() => page.modules++));
  return page;
})();
