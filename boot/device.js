// What the browser keeps for the client: promises that always answer, within a while, and never fail; `undefined` says
// no. In JavaScript because the same by way of web-sys is several times the download, and here because what stands here
// gets a name with a hash, which a module of wasm-bindgen's does not.

const TABLES = ["account", "outbox", "messages"];
const PATIENCE = 2000;
const SOME = 50;

let database;
// Something was not answered in time: until it is, nothing else is waited for.
let stuck = false;

function open() {
  return new Promise((done, failed) => {
    const request = indexedDB.open("parlour", 1);
    request.onupgradeneeded = () => TABLES.forEach((table) => request.result.createObjectStore(table));
    request.onsuccess = () => {
      const found = request.result;
      const gone = () => (database = undefined);
      found.onclose = gone;
      // A later version of this page, or somebody who clears the browser's data, needs it closed.
      found.onversionchange = () => {
        found.close();
        gone();
      };
      done(found);
    };
    request.onerror = failed;
  });
}

async function begin(...how) {
  try {
    return (await (database ??= open())).transaction(TABLES, ...how);
  } catch (error) {
    database = undefined;
    throw error;
  }
}

function within(work) {
  return new Promise((done) => {
    const end = (value) => {
      clearTimeout(timer);
      done(value);
    };
    const timer = setTimeout(() => done((stuck = true) && undefined), stuck ? 0 : PATIENCE);
    work.then((value) => end(value, (stuck = false)), () => end());
  });
}

// The values of each table, in the order of their keys.
function read(scope) {
  const all = (store) =>
    new Promise((done, failed) => {
      // An array comes after everything that is no array: these are the keys that begin with the scope.
      const request = store.getAll(IDBKeyRange.bound([scope], [scope, []]));
      request.onsuccess = () => done(request.result);
      request.onerror = failed;
    });
  return within(begin().then((made) => Promise.all(TABLES.map((table) => all(made.objectStore(table))))));
}

// Makes changes in one transaction: an array of [table, from, to, value]. A value is put under the key `from`; without
// one all keys from there are taken out, up to `to` or to the table's end.
function write(scope, changes) {
  // What the user said is to survive a power cut as well.
  const durability = changes.some(([table, , , value]) => table === 1 && value) ? "strict" : "default";
  const made = begin("readwrite", { durability }).then(
    (transaction) =>
      new Promise((done, failed) => {
        transaction.oncomplete = () => done(true);
        transaction.onabort = failed;
        // Some at a time: hundreds would take as long as a frame or two.
        let at = 0;
        const some = () => {
          for (let left = SOME; left && at < changes.length; left--) {
            const [table, from, to, value] = changes[at++];
            const store = transaction.objectStore(TABLES[table]);
            const request = value
              ? store.put(value, [scope, from])
              : store.delete(IDBKeyRange.bound([scope, from], [scope, to ?? []]));
            if (left === 1) request.onsuccess = some;
          }
        };
        some();
      }),
  );
  return within(made);
}

// The pages of one user. One of them leads: calls back when it is this one, now or when those before it are gone. Gives a
// function that ends it. Where there are no locks, as on an unencrypted page, every page leads.
function lead(scope, led) {
  if (!navigator.locks) {
    setTimeout(led);
    return () => {};
  }
  const wish = new AbortController();
  let release;
  const held = new Promise((done) => (release = done));
  navigator.locks
    .request(`parlour ${scope}`, { signal: wish.signal }, () => {
      led();
      return held;
    })
    .catch(() => {});
  return () => {
    wish.abort();
    // Those who wait for it are to hear first why it is free.
    setTimeout(release, 500);
  };
}

// Whether a page leads in a scope.
async function led(scope) {
  const state = await navigator.locks?.query();
  return state?.held.some((lock) => lock.name === `parlour ${scope}`) ?? false;
}

// What the pages tell each other; `heard` is called with what the others tell.
function channel(scope, heard) {
  const made = new BroadcastChannel(`parlour ${scope}`);
  made.onmessage = ({ data }) => heard(data);
  return made;
}

globalThis.device = { read, write, lead, led, channel };
