// Browser storage and coordination between tabs, for the client: IndexedDB, Web Locks and BroadcastChannel. Every
// promise resolves after a limited time and none rejects; `undefined` stands for a failure. The same code with web-sys
// would be several times as large, and a wasm-bindgen snippet would have no hash in its file name.

// The tables of the scopes. Core's `persist::Table` has their numbers.
const TABLES = ["account", "queue", "messages", "rooms", "drafts", "scroll"];
const [ACCOUNT, QUEUE] = TABLES.keys();
// The tables of which nothing stays after a logout. The others have what the tabs keep for the next login.
const ACCOUNT_TABLES = TABLES.slice(0, 4);
// The lease number of the last tab that became the leader, by scope. Not in the tables of the scope, because it is there
// before the account and may outlive it.
const LEASES = "leases";
// Trunk's minifier would escape the backslash of "\n" once more.
const LINE_FEED = String.fromCharCode(10);
// Each step makes the database of the next version. A step that was released is never changed.
const STEPS = [createTables, divideByRoom];
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
// The same promise, while another tab prevents that the database is upgraded.
let blocked;
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

// Version 1: the tables of one room.
function createTables(database) {
  for (const name of ["account", "outbox", "messages"]) database.createObjectStore(name);
}

// Version 2: all tables but that of the account are divided by room, and drafts and lease numbers have tables of their
// own. What there is belongs to the lobby, whose id is 16 zero bytes.
async function divideByRoom(database, transaction) {
  const names = ["queue", "drafts", LEASES, "rooms", "scroll"];
  const [queue, drafts, leases] = names.map((name) => database.createObjectStore(name));
  const inLobby = (key) => {
    const bytes = new Uint8Array(16 + key.byteLength);
    bytes.set(new Uint8Array(key), 16);
    return bytes;
  };
  // Calls `move` with each row of a table: the first part of its key, the second one if there is one, the value, and
  // a function that deletes the row.
  const forEachRow = (store, move) =>
    new Promise((resolve) => {
      // An error, in a request or in this function, aborts the transaction.
      store.openCursor().onsuccess = ({ target: { result: cursor } }) => {
        if (!cursor) return resolve();
        const [scope, key] = cursor.key;
        move(scope, key, cursor.value, () => cursor.delete());
        cursor.continue();
      };
    });
  const [account, outbox, messages] = ["account", "outbox", "messages"].map((name) => transaction.objectStore(name));
  await forEachRow(account, (scope, key, value, remove) => {
    // Server, nick, and what was stored beside the account.
    const [server, nick, beside] = scope.split(LINE_FEED);
    if (!beside) return;
    const user = [server, nick].join(LINE_FEED);
    if (key) drafts.put(value, [user, inLobby(key)]);
    else leases.put(value, user);
    remove();
  });
  await forEachRow(outbox, (scope, key, value) => queue.put(value, [scope, inLobby(key)]));
  database.deleteObjectStore("outbox");
  await forEachRow(messages, (scope, key, value, remove) => {
    // The cursor may come to a row that was moved: its key is longer.
    if (key.byteLength > 8) return;
    messages.put(value, [scope, inLobby(key)]);
    remove();
  });
}

async function upgrade({ oldVersion, target: { result: database, transaction } }) {
  try {
    for (const step of STEPS.slice(oldVersion)) await step(database, transaction);
  } catch {
    // Nothing is changed, and the database can't be opened.
    transaction.abort();
  }
}

function open() {
  const opening = new Promise((resolve, reject) => {
    const request = indexedDB.open("parlour", STEPS.length);
    request.onupgradeneeded = upgrade;
    // Another tab has an earlier version open, and does not close it when it is asked to, because it is suspended or hangs.
    // Another request would wait behind this one. Meanwhile jobs fail as when the database hangs.
    request.onblocked = () => (blocked = opening);
    request.onsuccess = () => resolve(request.result);
    request.onerror = reject;
  });
  opening.catch(() => {}).then(() => {
    if (blocked === opening) blocked = undefined;
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
  // After the failure of another job this one may have been attempted again.
  const isCurrent = () => jobs.has(job) && job.attempts === number;
  const opening = (database ??= open());
  let timer, transaction;
  const worked = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject("timeout"), TIMEOUT_MS);
    opening
      .then((handle) => {
        // A job that was reported as failed is not run later.
        if (!isCurrent()) return;
        transaction = handle.transaction([...TABLES, LEASES], ...job.options);
        transaction.onabort = reject;
        job.work(transaction, resolve);
      })
      .catch(reject);
  });
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
  if (blocked !== opening) {
    if (database === opening) database = undefined;
    opening.then((handle) => handle.close(), () => {});
  }
  for (const job of jobs) if (job.attempts < MAX_ATTEMPTS) start(job);
}

// The keys of a scope in a table are [scope, key]. Arrays sort after all other types, so `[]` is after the last key.
const keyRange = (scope, from, to) => IDBKeyRange.bound([scope, from], [scope, to ?? []]);

// Resolves to the values in each range of keys of a scope, in the order of their keys. A range is [table, from, to], both
// ends included; without `to` it ends with the table.
function read(scope, ranges) {
  const readRange = (transaction, [table, from, to]) =>
    new Promise((resolve) => {
      const request = transaction.objectStore(TABLES[table]).getAll(keyRange(scope, from, to));
      // An error aborts the transaction.
      request.onsuccess = () => resolve(request.result);
    });
  return run((transaction, resolve) => {
    Promise.all(ranges.map((range) => readRange(transaction, range))).then(resolve);
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

// Records that a tab becomes the leader. Resolves to its lease number: the given one, or a larger one if that is not
// larger than the last one.
function claimLease(scope, lease) {
  // The number that an earlier attempt has put. It may be recorded although the browser did not report it.
  let put;
  const work = (transaction, resolve) => {
    const leases = transaction.objectStore(LEASES);
    const last = leases.get(scope);
    last.onsuccess = next(transaction, () => {
      if (last.result >= lease && last.result !== put) lease = last.result + 1;
      put = lease;
      leases.put(lease, scope);
    });
    transaction.oncomplete = () => resolve();
  };
  return run(work, "readwrite").then(() => put);
}

// Applies changes in one transaction and resolves to true. A change is [table, from, to, value]: `value` is stored under
// the key `from`; without a value all keys from `from` to `to`, or to the end of the table, are deleted. They come with
// the lease number of the leader, which is this tab, or the one that it follows. If another tab has become the leader, nothing is
// changed, and the result is false.
function write(scope, changes, lease) {
  // Messages of the send queue must survive a power failure.
  const durability = changes.some(([table, , , value]) => table === QUEUE && value) ? "strict" : "default";
  const work = (transaction, resolve) => {
    transaction.oncomplete = () => resolve(true);
    let at = 0;
    const writeChunk = () => {
      for (let left = REQUESTS_PER_TASK; left && at < changes.length; left--) {
        const [table, from, to, value] = changes[at++];
        const store = transaction.objectStore(TABLES[table]);
        const request = value
          ? store.put(value, [scope, from])
          : store.delete(keyRange(scope, from, to));
        if (left === 1 && at < changes.length) request.onsuccess = next(transaction, writeChunk);
      }
      // Without this call a transaction is lost if the page is closed before its last request has succeeded.
      if (at === changes.length) transaction.commit?.();
    };
    if (lease === undefined) return writeChunk();
    const leases = transaction.objectStore(LEASES);
    const last = leases.get(scope);
    last.onsuccess = next(transaction, () => {
      if (last.result > lease) {
        resolve(false);
        return transaction.abort();
      }
      // After a logout nothing stays, unless the tab that hung may resume.
      const isLogout = changes.some(([table, , to, value]) => table === ACCOUNT && !value && !to);
      if (isLogout && !hasStolen) leases.delete(scope);
      writeChunk();
    });
  };
  return run(work, "readwrite", { durability });
}

// Deletes everything that a scope has of its account, if `isLeft` returns true when no other transaction can write any more.
// Resolves to whether it was deleted, or never stored because there is no database.
function deleteLeft(scope, isLeft) {
  if (!globalThis.indexedDB) return Promise.resolve(true);
  const work = (transaction, resolve) => {
    transaction.oncomplete = () => resolve(true);
    const leases = transaction.objectStore(LEASES);
    // The answer to the first request comes when all earlier transactions have ended.
    leases.count(scope).onsuccess = next(transaction, () => {
      if (!isLeft()) {
        resolve(false);
        return transaction.abort();
      }
      // The tab that hung may resume.
      if (!hasStolen) leases.delete(scope);
      for (const name of ACCOUNT_TABLES) transaction.objectStore(name).delete(keyRange(scope, new Uint8Array()));
      transaction.commit?.();
    });
  };
  return run(work, "readwrite");
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

// The name of the lock and of the channel of the tabs of a user. Tabs of earlier versions, which knew one room, have others.
const tabsName = (scope) => `parlour rooms ${scope}`;

// The lock whose holder is the leader among the tabs of one user. `onChange` is called with
// - GRANTED when this tab becomes the leader: at once, after the tabs before it are closed, or after `steal`;
// - LOST when another tab has stolen the lock;
// - REFUSED when the browser refuses it. Then, and if the browser does not answer in time, `steal` works without it.
function requestLeadership(scope, onChange) {
  const name = tabsName(scope);
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
  return state?.held.some((lock) => lock.name === tabsName(scope)) ?? false;
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
    const opened = new BroadcastChannel(tabsName(scope));
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

globalThis.device = { read, write, deleteLeft, claimLease, requestLeadership, hasLeader, openTabs, channel };
