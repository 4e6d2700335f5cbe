// Browser storage and coordination between tabs, for the client: IndexedDB, Web Locks and BroadcastChannel. Every
// promise resolves after a limited time and none rejects; `undefined` stands for a failure. The same code with web-sys
// would be several times as large, and a wasm-bindgen snippet would have no hash in its file name.

const DATABASE_VERSION = 1;
const TABLES = ["account", "outbox", "messages"];
const TIMEOUT_MS = 2000;
// Attempts to run a job, each with a new database handle.
const MAX_ATTEMPTS = 2;
// Requests per task of a transaction: hundreds at once would block for one or two frames.
const REQUESTS_PER_TASK = 50;
const LOCK_RELEASE_DELAY_MS = 500;
const LOCK_TIMEOUT_MS = 2000;
// The reports of `requestLeadership`, as in tab_channel.rs.
const [GRANTED, LOST, REFUSED] = [0, 1, 2];

// The promise of the database handle in use.
let database;
// Reads and writes that have not ended, in the order of their calls.
const jobs = new Set();
// All attempts of a job have timed out. Until one succeeds, nobody waits for later jobs.
let timedOut = false;
// The tab that `openTabs` has marked as open.
let markedTab;
// Releases the mark.
let unmarkTab;
// This tab has stolen the lock from one that hung.
let hasStolen = false;

function open() {
  const opening = new Promise((resolve, reject) => {
    const request = indexedDB.open("parlour", DATABASE_VERSION);
    request.onupgradeneeded = () => TABLES.forEach((table) => request.result.createObjectStore(table));
    request.onsuccess = () => resolve(request.result);
    request.onerror = reject;
  });
  const forget = () => {
    if (database === opening) database = undefined;
  };
  opening.then((handle) => {
    handle.onclose = forget;
    // A newer version of the page, or the deletion of site data, is blocked until the database is closed.
    handle.onversionchange = () => {
      handle.close();
      forget();
    };
  }, forget);
  return opening;
}

// Runs `work` in a transaction with these options and resolves to its result.
function run(work, ...options) {
  return new Promise((resolve) => {
    const job = { work, options, resolve, attempts: 0 };
    jobs.add(job);
    start(job);
    if (timedOut) resolve();
  });
}

function start(job) {
  const number = ++job.attempts;
  const opening = (database ??= open());
  let timer, transaction;
  const worked = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject("timeout"), TIMEOUT_MS);
    opening
      .then((handle) => {
        transaction = handle.transaction(TABLES, ...job.options);
        transaction.onabort = reject;
        job.work(transaction, resolve);
      })
      .catch(reject);
  });
  // After the failure of another job this one may have been attempted again.
  const isCurrent = () => jobs.has(job) && job.attempts === number;
  worked.finally(() => clearTimeout(timer)).then(
    (value) => {
      timedOut = false;
      if (isCurrent()) end(job, value);
    },
    (reason) => {
      if (!isCurrent()) return;
      // An incomplete write must not be committed. This throws if the transaction has ended.
      try {
        transaction?.abort();
      } catch {}
      if (number === MAX_ATTEMPTS) {
        timedOut = reason === "timeout";
        end(job);
      }
      replaceHandle(opening);
    },
  );
}

function end(job, value) {
  jobs.delete(job);
  job.resolve(value);
}

// Every transaction of a handle may be aborted, or never end, while a new handle works (a bug of WebKit). So after a
// failure all unfinished jobs are attempted again with a new handle: all of them, so that writes keep their order.
function replaceHandle(opening) {
  if (database === opening) database = undefined;
  opening.then((handle) => handle.close(), () => {});
  for (const job of jobs) if (job.attempts < MAX_ATTEMPTS) start(job);
}

// Resolves to the values of each table, in the order of their keys.
function read(scope) {
  const readTable = (store) =>
    new Promise((resolve) => {
      // Keys are [scope, key]. Arrays sort after all other types, so this range has all keys of the scope.
      const request = store.getAll(IDBKeyRange.bound([scope], [scope, []]));
      // An error aborts the transaction.
      request.onsuccess = () => resolve(request.result);
    });
  return run((transaction, resolve) => {
    Promise.all(TABLES.map((table) => readTable(transaction.objectStore(table)))).then(resolve);
  });
}

// A handler that continues a transaction, or aborts it if that fails.
const next = (transaction, step) => () => {
  try {
    step();
  } catch {
    // This throws if the transaction has ended.
    try {
      transaction.abort();
    } catch {}
  }
};

// The key of the lease number of the last tab that became the leader. Outside of the keys of the scope, because it is
// there before the account and may outlive it.
const leaseKey = (scope) => [`${scope}\nlease`];

// Records that a tab becomes the leader. Resolves to its lease number: the given one, or a larger one if that is not
// larger than the last one.
function claimLease(scope, lease) {
  // The number that an earlier attempt has put. It may be recorded although the browser did not report it.
  let put;
  const work = (transaction, resolve) => {
    const store = transaction.objectStore(TABLES[0]);
    const last = store.get(leaseKey(scope));
    last.onsuccess = next(transaction, () => {
      if (last.result >= lease && last.result !== put) lease = last.result + 1;
      put = lease;
      store.put(lease, leaseKey(scope));
    });
    transaction.oncomplete = () => resolve();
  };
  return run(work, "readwrite").then(() => put);
}

// Applies changes in one transaction and resolves to true. A change is [table, from, to, value]: `value` is stored under
// the key `from`; without a value all keys from `from` to `to`, or to the end of the table, are deleted. The changes of a
// leader come with its lease number. If another tab has become the leader, nothing is changed, and the result is false.
function write(scope, changes, lease) {
  // Messages of the send queue must survive a power failure.
  const durability = changes.some(([table, , , value]) => table === 1 && value) ? "strict" : "default";
  const work = (transaction, resolve) => {
    transaction.oncomplete = () => resolve(true);
    let at = 0;
    const writeChunk = () => {
      for (let left = REQUESTS_PER_TASK; left && at < changes.length; left--) {
        const [table, from, to, value] = changes[at++];
        const store = transaction.objectStore(TABLES[table]);
        const request = value
          ? store.put(value, [scope, from])
          : store.delete(IDBKeyRange.bound([scope, from], [scope, to ?? []]));
        if (left === 1 && at < changes.length) request.onsuccess = next(transaction, writeChunk);
      }
      // Without this call a transaction is lost if the page is closed before its last request has succeeded.
      if (at === changes.length) transaction.commit?.();
    };
    if (lease === undefined) return writeChunk();
    const accounts = transaction.objectStore(TABLES[0]);
    const last = accounts.get(leaseKey(scope));
    last.onsuccess = next(transaction, () => {
      if (last.result > lease) {
        resolve(false);
        return transaction.abort();
      }
      // After a logout nothing stays, unless the tab that hung may resume.
      const isLogout = changes.some(([table, , to, value]) => table === 0 && !value && !to);
      if (isLogout && !hasStolen) accounts.delete(leaseKey(scope));
      writeChunk();
    });
  };
  return run(work, "readwrite", { durability });
}

// Moves the values of a scope to another one in one transaction, and resolves to true. The other one keeps its send queue.
function rename(scope, to) {
  const all = (scope) => IDBKeyRange.bound([scope], [scope, []]);
  const work = (transaction, resolve) => {
    transaction.oncomplete = () => resolve(true);
    TABLES.forEach((table, index) => {
      const store = transaction.objectStore(table);
      if (index !== 1) store.delete(all(to));
      store.openCursor(all(scope)).onsuccess = ({ target: { result: cursor } }) => {
        if (!cursor) return;
        store.put(cursor.value, [to, cursor.key[1]]);
        cursor.delete();
        cursor.continue();
      };
    });
  };
  return run(work, "readwrite", { durability: "strict" });
}

// Resolves to the result of `work`, or to undefined if it throws, rejects, or does not settle in time.
function attempt(work) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, LOCK_TIMEOUT_MS);
    const end = (value) => {
      clearTimeout(timer);
      resolve(value);
    };
    new Promise((begin) => begin(work())).then(end, () => end());
  });
}

// The lock whose holder is the leader among the tabs of one user. `onChange` is called with
// - GRANTED when this tab becomes the leader: at once, after the tabs before it are closed, or after `steal`;
// - LOST when another tab has stolen the lock;
// - REFUSED when the browser refuses it. Then, and if the browser does not answer in time, `steal` works without it.
function requestLeadership(scope, onChange) {
  const name = `parlour ${scope}`;
  // The current request. Whatever happens to an earlier one is ignored.
  let current;
  // The browser has answered all queries so far.
  let canQuery = true;
  const query = async () => {
    const state = canQuery ? await attempt(() => navigator.locks.query()) : undefined;
    canQuery = state !== undefined;
    return state?.held.filter((lock) => lock.name === name);
  };

  const request = (steal) => {
    const mine = { aborter: new AbortController() };
    const released = new Promise((resolve) => (mine.release = resolve));
    current?.aborter.abort();
    current?.release();
    current = mine;
    const lead = () => {
      if (current !== mine || mine.leads) return;
      mine.leads = true;
      onChange(GRANTED);
    };
    const granted = async () => {
      mine.granted = true;
      lead();
      query().then((held) => (mine.client = held?.[0]?.clientId));
      return released;
    };
    const ended = () => {
      if (current !== mine) return;
      if (mine.granted) onChange(LOST);
      else if (steal) lead();
      else onChange(REFUSED);
    };
    // A request to steal can't be aborted.
    const options = steal ? { steal } : { signal: mine.aborter.signal };
    new Promise((begin) => begin(navigator.locks.request(name, options, granted))).catch(ended);
    if (steal) setTimeout(lead, LOCK_TIMEOUT_MS);
  };

  request(false);
  return {
    // Requests the lock again, after it was lost.
    request: () => request(false),
    steal: () => {
      hasStolen = true;
      request(true);
    },
    // Resolves to whether this tab still holds the lock. A browser that does not answer is believed to have kept it.
    isHeld: async () => {
      const mine = current;
      const held = await query();
      return current === mine && (!held || !mine.client || held.some(({ clientId }) => clientId === mine.client));
    },
    release: () => {
      const mine = current;
      current = undefined;
      mine.aborter.abort();
      // The followers must receive the last messages before one of them becomes the leader.
      setTimeout(mine.release, LOCK_RELEASE_DELAY_MS);
    },
  };
}

// Resolves to whether a tab is the leader in this scope.
async function hasLeader(scope) {
  const state = await attempt(() => navigator.locks.query());
  return state?.held.some((lock) => lock.name === `parlour ${scope}`) ?? false;
}

// Marks a tab as open until its page ends or marks another id, and resolves to the ids of the open tabs; to `undefined` if they are
// not known.
function openTabs(tab) {
  const prefix = "parlour tab ";
  const query = async () => {
    if (markedTab !== tab) {
      markedTab = tab;
      unmarkTab?.();
      navigator.locks.request(prefix + tab, () => new Promise((resolve) => (unmarkTab = resolve))).catch(() => {});
    }
    const { held } = await navigator.locks.query();
    return held.filter(({ name }) => name.startsWith(prefix)).map(({ name }) => name.slice(prefix.length));
  };
  return attempt(query);
}

// Opens the channel between tabs. `onMessage` is called with the messages of other tabs. If the browser refuses it, this
// tab has no others. If it refuses a message, for example for lack of memory, the other tabs notice that they missed one.
function channel(scope, onMessage) {
  try {
    const opened = new BroadcastChannel(`parlour ${scope}`);
    opened.onmessage = ({ data }) => onMessage(data);
    const postMessage = (bytes) => {
      try {
        opened.postMessage(bytes);
      } catch {}
    };
    return { postMessage, close: () => opened.close() };
  } catch {
    return { postMessage() {}, close() {} };
  }
}

globalThis.device = { read, write, rename, claimLease, requestLeadership, hasLeader, openTabs, channel };
