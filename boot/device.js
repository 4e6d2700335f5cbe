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

// The promise of the database handle in use.
let database;
// Reads and writes that have not ended, in the order of their calls.
const jobs = new Set();
// All attempts of a job have timed out. Until one succeeds, nobody waits for later jobs.
let timedOut = false;
// The tab that `openTabs` has marked as open.
let markedTab;

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

// Applies changes in one transaction and resolves to true. A change is [table, from, to, value]: `value` is stored under
// the key `from`; without a value all keys from `from` to `to`, or to the end of the table, are deleted.
function write(scope, changes) {
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
        if (left === 1 && at < changes.length) request.onsuccess = writeChunk;
      }
      // Without this call a transaction is lost if the page is closed before its last request has succeeded.
      if (at === changes.length) transaction.commit?.();
    };
    writeChunk();
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

// Requests the leadership among the tabs of one user. Calls `onLead` when this tab becomes the leader, at once or after the
// tabs before it are closed, and returns a function that ends the request or the leadership. Web Locks need a secure
// context; without them every tab is a leader.
function requestLeadership(scope, onLead) {
  if (!navigator.locks) {
    setTimeout(onLead);
    return () => {};
  }
  const request = new AbortController();
  let release;
  const released = new Promise((resolve) => (release = resolve));
  navigator.locks
    .request(`parlour ${scope}`, { signal: request.signal }, () => {
      onLead();
      return released;
    })
    .catch(() => {});
  return () => {
    request.abort();
    // The followers must receive the last messages before one of them becomes the leader.
    setTimeout(release, LOCK_RELEASE_DELAY_MS);
  };
}

// Resolves to whether a tab is the leader in this scope.
async function hasLeader(scope) {
  const state = await navigator.locks?.query();
  return state?.held.some((lock) => lock.name === `parlour ${scope}`) ?? false;
}

// Resolves as `work` does; to `undefined` if it fails or takes too long.
function limit(work) {
  return new Promise((resolve) => {
    setTimeout(resolve, TIMEOUT_MS);
    work.then(resolve, () => resolve());
  });
}

// Marks a tab as open for as long as its page exists, and resolves to the ids of the open tabs; to `undefined` if they are
// not known.
function openTabs(tab) {
  const prefix = "parlour tab ";
  const query = async () => {
    if (markedTab !== tab) {
      markedTab = tab;
      navigator.locks.request(prefix + tab, () => new Promise(() => {})).catch(() => {});
    }
    const { held } = await navigator.locks.query();
    return held.filter(({ name }) => name.startsWith(prefix)).map(({ name }) => name.slice(prefix.length));
  };
  return limit(query());
}

// Opens the channel between tabs. `onMessage` is called with the messages of other tabs. If the browser refuses it, this
// tab has no others.
function channel(scope, onMessage) {
  try {
    const opened = new BroadcastChannel(`parlour ${scope}`);
    opened.onmessage = ({ data }) => onMessage(data);
    return opened;
  } catch {
    return { postMessage() {}, close() {} };
  }
}

globalThis.device = { read, write, rename, requestLeadership, hasLeader, openTabs, channel };
