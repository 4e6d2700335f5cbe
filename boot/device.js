// Browser storage and coordination between tabs, for the client: IndexedDB, Web Locks and BroadcastChannel. Every
// promise resolves within TIMEOUT_MS and none rejects; `undefined` stands for a failure. The same code with web-sys
// would be several times as large, and a wasm-bindgen snippet would have no hash in its file name.

const DATABASE_VERSION = 1;
const TABLES = ["account", "outbox", "messages"];
const TIMEOUT_MS = 2000;
// Requests per task of a transaction: hundreds at once would block for one or two frames.
const REQUESTS_PER_TASK = 50;
const LOCK_RELEASE_DELAY_MS = 500;

let database;
// A request has timed out. Until one succeeds, later ones time out at once.
let timedOut = false;

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("parlour", DATABASE_VERSION);
    request.onupgradeneeded = () => TABLES.forEach((table) => request.result.createObjectStore(table));
    request.onsuccess = () => {
      const opened = request.result;
      const discard = () => (database = undefined);
      opened.onclose = discard;
      // A newer version of the page, or the deletion of site data, is blocked until the database is closed.
      opened.onversionchange = () => {
        opened.close();
        discard();
      };
      resolve(opened);
    };
    request.onerror = reject;
  });
}

async function begin(...options) {
  try {
    return (await (database ??= open())).transaction(TABLES, ...options);
  } catch (error) {
    database = undefined;
    throw error;
  }
}

function withTimeout(work) {
  return new Promise((resolve) => {
    const end = (value) => {
      clearTimeout(timer);
      resolve(value);
    };
    const timer = setTimeout(() => resolve((timedOut = true) && undefined), timedOut ? 0 : TIMEOUT_MS);
    work.then((value) => end(value, (timedOut = false)), () => end());
  });
}

// Resolves to the values of each table, in the order of their keys.
function read(scope) {
  const readTable = (store) =>
    new Promise((resolve, reject) => {
      // Keys are [scope, key]. Arrays sort after all other types, so this range has all keys of the scope.
      const request = store.getAll(IDBKeyRange.bound([scope], [scope, []]));
      request.onsuccess = () => resolve(request.result);
      request.onerror = reject;
    });
  return withTimeout(
    begin().then((transaction) => Promise.all(TABLES.map((table) => readTable(transaction.objectStore(table))))),
  );
}

// Applies changes in one transaction and resolves to true. A change is [table, from, to, value]: `value` is stored under
// the key `from`; without a value all keys from `from` to `to`, or to the end of the table, are deleted.
function write(scope, changes) {
  // Messages of the send queue must survive a power failure.
  const durability = changes.some(([table, , , value]) => table === 1 && value) ? "strict" : "default";
  const written = begin("readwrite", { durability }).then(
    (transaction) =>
      new Promise((resolve, reject) => {
        transaction.oncomplete = () => resolve(true);
        transaction.onabort = reject;
        let at = 0;
        const writeChunk = () => {
          for (let left = REQUESTS_PER_TASK; left && at < changes.length; left--) {
            const [table, from, to, value] = changes[at++];
            const store = transaction.objectStore(TABLES[table]);
            const request = value
              ? store.put(value, [scope, from])
              : store.delete(IDBKeyRange.bound([scope, from], [scope, to ?? []]));
            if (left === 1) request.onsuccess = writeChunk;
          }
        };
        writeChunk();
      }),
  );
  return withTimeout(written);
}

// Moves the values of a scope to another one in one transaction, and resolves to true. The other one keeps its send queue.
function rename(scope, to) {
  const all = (scope) => IDBKeyRange.bound([scope], [scope, []]);
  const moved = begin("readwrite", { durability: "strict" }).then(
    (transaction) =>
      new Promise((resolve, reject) => {
        transaction.oncomplete = () => resolve(true);
        transaction.onabort = reject;
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
      }),
  );
  return withTimeout(moved);
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

// Opens the channel between tabs. `onMessage` is called with the messages of other tabs.
function channel(scope, onMessage) {
  const opened = new BroadcastChannel(`parlour ${scope}`);
  opened.onmessage = ({ data }) => onMessage(data);
  return opened;
}

globalThis.device = { read, write, rename, requestLeadership, hasLeader, channel };
