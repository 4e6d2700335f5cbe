// What is measured in a page: the same for all of them, put in before anything of their own. Before it stands
// `const peer = { login, composer, list, row, gap }`, selectors that are all that is known of a page.
(() => {
    // Rows may have anything right before and behind it.
    const MARK = /k(\d+)k/g;
    const bench = (globalThis.bench = {});

    const usable = (selector) => {
        const field = selector && document.querySelector(selector);
        if (!field || field.disabled || field.readOnly) return false;
        const box = field.getBoundingClientRect();
        const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
        return box.width > 0 && !!top && (field.contains(top) || top.contains(field));
    };
    bench.can = (what) => usable(peer[what]);

    // From the start of the navigation to the first frame in which something can be typed into.
    const start = () => {
        if (usable(peer.login) || usable(peer.composer)) bench.usable = performance.now();
        else requestAnimationFrame(start);
    };
    requestAnimationFrame(start);

    // A new document has its own memory; the module's is not in what the engine calls its heap.
    const memories = new Set();
    for (const name of ['instantiate', 'instantiateStreaming']) {
        const original = WebAssembly[name];
        WebAssembly[name] = async (...all) => {
            const made = await original.apply(WebAssembly, all);
            for (const it of Object.values((made.instance ?? made).exports ?? {})) {
                if (it instanceof WebAssembly.Memory) memories.add(it);
            }
            return made;
        };
    }
    bench.wasm = () => [...memories].reduce((sum, memory) => sum + memory.buffer.byteLength, 0);

    const marks = (text) => [...text.matchAll(MARK)].map((found) => Number(found[1]));

    // Frames until `stop`: when each began, when what it drew was out of the main thread's hands, and the highest mark
    // that was in the document by then. And keys: from the press to the frame that has what came of it.
    bench.watch = () => {
        const frames = [], keys = [], enters = [];
        let newest = -1, pressed = [], typed = [], on = true;
        const inList = (node) => (node.closest ? node : node.parentElement)?.closest(peer.list);
        // Of the whole document: a page may put another list in the place of its first one.
        const observer = new MutationObserver((records) => {
            for (const { type, target, addedNodes } of records) {
                for (const node of type === 'characterData' ? [target] : addedNodes) {
                    if (inList(node) || node.querySelector?.(peer.list)) newest = Math.max(newest, ...marks(node.textContent));
                }
            }
        });
        observer.observe(document, { childList: true, subtree: true, characterData: true });
        const onKey = (event) => {
            if (event.key === 'Enter') enters.push(event.timeStamp);
            else pressed.push(event.timeStamp);
        };
        const onInput = () => typed.push(...pressed.splice(0));
        addEventListener('keydown', onKey, true);
        addEventListener('input', onInput, true);
        // A task that a frame posts runs after the frame is drawn.
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data }) => {
            const now = performance.now();
            frames.push([data, now, newest]);
            for (const at of typed.splice(0)) keys.push(now - at);
        };
        const frame = (at) => {
            if (!on) return;
            port2.postMessage(at);
            requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
        bench.newest = () => newest;
        bench.stop = () => {
            on = false;
            observer.disconnect();
            removeEventListener('keydown', onKey, true);
            removeEventListener('input', onInput, true);
            port1.close();
            return { origin: performance.timeOrigin, frames, keys, enters };
        };
    };

    const scroller = () => {
        for (let it = document.querySelector(peer.row)?.parentElement; it; it = it.parentElement) {
            if (/auto|scroll/.test(getComputedStyle(it).overflowY) && it.scrollHeight > it.clientHeight) return it;
        }
        return document.scrollingElement;
    };

    // Moves up, `speed` pixels a second or as far as there is, for so many seconds; notes the frames and all marks.
    bench.scroll = (speed, seconds) => new Promise((done) => {
        const frames = [], seen = new Set(), it = scroller();
        let begun, last, moved = 0, gap = false;
        const frame = (at) => {
            begun ??= at;
            frames.push(at);
            for (const row of document.querySelectorAll(peer.row)) marks(row.textContent).forEach((mark) => seen.add(mark));
            gap ||= !!peer.gap && !!document.querySelector(peer.gap);
            if (at - begun > seconds * 1000) {
                return done({ frames, moved, gap, seen: seen.size, marks: [...seen] });
            }
            const before = it.scrollTop;
            it.scrollTop = speed ? before - (speed * (at - (last ?? at))) / 1000 : 0;
            moved += Math.max(0, before - it.scrollTop);
            last = at;
            requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
    });

    bench.elements = () => document.querySelectorAll('*').length;
    bench.rows = () => document.querySelectorAll(peer.row).length;
    // The highest mark that is in the document now.
    bench.shows = () => Math.max(-1, ...[...document.querySelectorAll(peer.row)].flatMap((row) => marks(row.textContent)));
})();
